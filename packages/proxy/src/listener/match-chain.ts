/**
 * `FilterChainMatch`: criteria in Envoy's order, at each step only the most specific kind of match stays, and there is no way back to a
 * less specific one.
 */
import {
  type FilterChainMatch,
  FilterChainMatchSchema,
  FilterChainMatch_ConnectionSourceType as SourceType,
} from '@palisade/xds/api/envoy/config/listener/v3/listener_components';
import { refuseUnread } from '../config/registry.ts';
import { type Address, compilePrefix, isLoopback, type Prefix } from '../net/address.ts';

export interface ChainFacts {
  readonly source: Address;
  readonly sourcePort: number;
  readonly destination: Address;
  readonly destinationPort: number;
  readonly transport: 'tls' | 'raw_buffer';
  readonly serverName: string;
  readonly protocols: readonly string[];
}

/** How specific the match is: -1 no match, 0 not asked, higher is more specific. */
type Criterion = (facts: ChainFacts) => number;

export interface ChainMatcher {
  readonly criteria: readonly Criterion[];
  /** The first bytes must be looked at before this chain can be chosen. */
  readonly needsInspection: boolean;
}

const read = [
  'destination_port',
  'prefix_ranges',
  'server_names',
  'transport_protocol',
  'application_protocols',
  'direct_source_prefix_ranges',
  'source_type',
  'source_prefix_ranges',
  'source_ports',
];

export function compileChainMatch(match: FilterChainMatch | undefined, where: string): ChainMatcher {
  if (match === undefined) return { criteria: [], needsInspection: false };
  refuseUnread(FilterChainMatchSchema, match, read, where);
  const prefixes = (ranges: FilterChainMatch['prefixRanges']) => ranges.map((range) => compilePrefix(range, where));
  const destination = prefixes(match.prefixRanges);
  const direct = prefixes(match.directSourcePrefixRanges);
  const source = prefixes(match.sourcePrefixRanges);
  const port = match.destinationPort;
  const names = match.serverNames.map((name) => name.toLowerCase());
  const { transportProtocol, applicationProtocols, sourceType, sourcePorts } = match;
  const criteria: Criterion[] = [
    (facts) => (port === undefined ? 0 : port === facts.destinationPort ? 1 : -1),
    (facts) => longest(destination, facts.destination),
    (facts) => nameScore(names, facts.serverName),
    (facts) => (transportProtocol === '' ? 0 : transportProtocol === facts.transport ? 1 : -1),
    (facts) => (applicationProtocols.length === 0 ? 0 : facts.protocols.some((one) => applicationProtocols.includes(one)) ? 1 : -1),
    (facts) => longest(direct, facts.source),
    (facts) => sourceScore(sourceType, facts),
    (facts) => longest(source, facts.source),
    (facts) => (sourcePorts.length === 0 ? 0 : sourcePorts.includes(facts.sourcePort) ? 1 : -1),
  ];
  return { criteria, needsInspection: names.length > 0 || transportProtocol !== '' || applicationProtocols.length > 0 };
}

function longest(prefixes: readonly Prefix[], address: Address): number {
  if (prefixes.length === 0) return 0;
  return Math.max(-1, ...prefixes.map((prefix) => (prefix.holds(address) ? prefix.length + 1 : -1)));
}

function nameScore(names: readonly string[], asked: string): number {
  if (names.length === 0) return 0;
  return Math.max(
    -1,
    ...names.map((name) => (name === asked ? 1000 : name.startsWith('*.') && asked.endsWith(name.slice(1)) ? name.length : -1)),
  );
}

function sourceScore(type: SourceType, { source, destination }: ChainFacts): number {
  if (type === SourceType.ANY) return 0;
  const isLocal = source.text === destination.text || isLoopback(source);
  return isLocal === (type === SourceType.SAME_IP_OR_LOOPBACK) ? 1 : -1;
}

/** @returns the index of the chain; -1: none matches */
export function chooseChain(matchers: readonly ChainMatcher[], facts: ChainFacts): number {
  let left = matchers.map((_, index) => index);
  const steps = Math.max(0, ...matchers.map((matcher) => matcher.criteria.length));
  for (let step = 0; step < steps; step++) {
    const scores = left.map((index) => matchers[index]!.criteria[step]?.(facts) ?? 0);
    const best = Math.max(-1, ...scores);
    if (best < 0) return -1;
    left = left.filter((_, at) => scores[at] === best);
  }
  return left[0] ?? -1;
}
