import type { Table } from '../../output.ts';
import { configOf, type Message } from './dump.ts';

export interface RouteFilter {
  readonly name?: string;
}

const maxDomains = 2;

export function tableOfRoutes(configs: readonly Message[], filter: RouteFilter = {}): Table {
  const rows = configs
    .filter((config) => filter.name === undefined || config['name'] === filter.name)
    .sort((a, b) => String(a['name']).localeCompare(String(b['name']), 'en', { numeric: true }))
    .flatMap((config) =>
      ((config['virtual_hosts'] ?? []) as Message[]).flatMap((host) => {
        const domains = (host['domains'] ?? []) as string[];
        const more = domains.length - maxDomains;
        const shown = `${domains.slice(0, maxDomains).join(', ')}${more > 0 ? ` + ${more} more` : ''}`;
        return ((host['routes'] ?? []) as Message[]).map((route) => [
          String(config['name'] ?? ''),
          String(host['name'] ?? ''),
          shown,
          matchOf((route['match'] ?? {}) as Message),
          configOf(route),
        ]);
      }),
    );
  return { header: ['NAME', 'VHOST NAME', 'DOMAINS', 'MATCH', 'VIRTUAL SERVICE'], rows };
}

function matchOf(match: Message): string {
  const path =
    match['path'] ??
    (match['prefix'] !== undefined ? `${match['prefix']}*` : undefined) ??
    (match['path_separated_prefix'] !== undefined ? `PathPrefix:${match['path_separated_prefix']}` : undefined) ??
    match['safe_regex']?.regex ??
    '/*';
  const headers = ((match['headers'] ?? []) as Message[]).map((header) => header['name']);
  return headers.length > 0 ? `${path} headers: ${headers.join(',')}` : path;
}
