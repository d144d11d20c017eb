/** Envoy's choice of a filter chain (listener.v3 FilterChainMatch): port, then address, then transport, then ALPN; the most specific wins. */
import type { Listener } from '@palisade/xds/api/envoy/config/listener/v3/listener';
import type { FilterChain } from '@palisade/xds/api/envoy/config/listener/v3/listener_components';
import { cidrContains } from '../authz/cidr.ts';

export interface ArrivingConnection {
  readonly destinationIp: string;
  readonly destinationPort: number;
  readonly transport: 'raw_buffer' | 'tls';
  /** Offered by the client or sniffed. */
  readonly applicationProtocols: readonly string[];
}

export function selectChain(listener: Listener, connection: ArrivingConnection): FilterChain | undefined {
  const rounds: ((match: NonNullable<FilterChain['filterChainMatch']>) => boolean | undefined)[] = [
    ({ destinationPort }) => (destinationPort === undefined ? undefined : destinationPort === connection.destinationPort),
    ({ prefixRanges }) =>
      prefixRanges.length === 0
        ? undefined
        : prefixRanges.some(({ addressPrefix, prefixLen }) =>
            cidrContains({ address: addressPrefix, prefixLength: prefixLen ?? 0 }, connection.destinationIp),
          ),
    ({ transportProtocol }) => (transportProtocol === '' ? undefined : transportProtocol === connection.transport),
    ({ applicationProtocols }) =>
      applicationProtocols.length === 0 ? undefined : applicationProtocols.some((name) => connection.applicationProtocols.includes(name)),
  ];
  let chains: FilterChain[] = listener.filterChains;
  for (const judge of rounds) {
    const verdicts = chains.map((chain) => judge(chain.filterChainMatch!));
    const wanted = verdicts.includes(true) ? true : undefined;
    chains = chains.filter((_, index) => verdicts[index] === wanted);
  }
  return chains[0];
}
