import type { Table } from '../../output.ts';
import { type Message, placeOf } from './dump.ts';

export interface ListenerFilter {
  readonly address?: string;
  readonly port?: string;
  readonly type?: string;
}

/** One row a filter chain: what a connection must look like, and where it goes. */
export function tableOfListeners(listeners: readonly Message[], filter: ListenerFilter = {}): Table {
  const rows = listeners
    .map((listener) => ({ listener, ...placeOf(listener['address']) }))
    .filter(({ address, port }) => (filter.address ?? address) === address && (filter.port ?? port) === port)
    .sort((a, b) => Number(a.port) - Number(b.port) || (a.address < b.address ? -1 : 1))
    .flatMap(({ listener, address, port }) => {
      const more = ((listener['additional_addresses'] ?? []) as Message[]).map((each) => placeOf(each['address']).address);
      const fallback = listener['default_filter_chain'] as Message | undefined;
      const chains = [...((listener['filter_chains'] ?? []) as Message[]), ...(fallback === undefined ? [] : [fallback])];
      return chains
        .map((chain) => [[address, ...more].join(','), port, matchOf(chain, chain === fallback), destinationOf(chain)] as const)
        .filter(([, , , destination]) => filter.type === undefined || typeOf(destination) === filter.type.toUpperCase());
    });
  return { header: ['ADDRESSES', 'PORT', 'MATCH', 'DESTINATION'], rows };
}

const typeOf = (destination: string) => (destination.includes('Route:') ? 'HTTP' : 'TCP');

function matchOf(chain: Message, isFallback: boolean): string {
  const match = (chain['filter_chain_match'] ?? {}) as Message;
  const ranges = ((match['prefix_ranges'] ?? []) as Message[]).map((range) => `${range['address_prefix']}/${range['prefix_len'] ?? 0}`);
  const said = [
    match['transport_protocol'] ? `Trans: ${match['transport_protocol']}` : '',
    match['application_protocols'] ? `App: ${match['application_protocols'].join(',')}` : '',
    match['server_names'] ? `SNI: ${match['server_names'].join(',')}` : '',
    ranges.length > 0 ? `Addr: ${ranges.join(',')}` : '',
    match['destination_port'] ? `Port: ${match['destination_port']}` : '',
  ].filter((part) => part !== '');
  return said.length > 0 ? said.join('; ') : isFallback ? 'otherwise' : 'ALL';
}

/** The last filter decides: a connection manager by its routes, a TCP proxy by its cluster. */
function destinationOf(chain: Message): string {
  const filters = ((chain['filters'] ?? []) as Message[]).map((filter) => (filter['typed_config'] ?? {}) as Message);
  const last = filters.at(-1);
  if (last === undefined) return 'none';
  if (last['rds'] !== undefined) return `Route: ${last['rds'].route_config_name}`;
  if (last['route_config'] !== undefined) {
    const routes = ((last['route_config'].virtual_hosts ?? []) as Message[]).flatMap((host) => (host['routes'] ?? []) as Message[]);
    const clusters = new Set(routes.flatMap((route) => route['route']?.cluster ?? []));
    return `Inline Route: ${[...clusters].join(', ') || last['route_config'].name || '-'}`;
  }
  if (last['cluster'] !== undefined) return `Cluster: ${last['cluster']}`;
  const weighted = (last['weighted_clusters']?.clusters ?? []) as Message[];
  return weighted.length > 0 ? `Cluster: ${weighted.map((each) => `${each['name']}=${each['weight']}`).join(', ')}` : 'closed';
}
