import { type Endpoint, type FlowRecord, Verdict } from './record.ts';

/** What `palisade flows` and the flows API can ask for. Everything given must hold; nothing given matches all. */
export interface FlowFilter {
  readonly verdict?: Verdict;
  /** Source: `pod`, `namespace/pod`, `namespace/`, `Deployment/db`, an address, a DNS or reserved name. */
  readonly from?: string;
  /** Destination, written like `from`. */
  readonly to?: string;
  /** Namespace of either end. */
  readonly namespace?: string;
  /** `tcp`, `udp`, `sctp`, `icmp`, or a kind of record: `l4`, `http`, `dns`, `waf`. */
  readonly protocol?: string;
  /** Port of either end. */
  readonly port?: number;
  /** Milliseconds since the epoch: records from then on. */
  readonly sinceMs?: number;
}

export type FilterResult = { readonly ok: true; readonly filter: FlowFilter } | { readonly ok: false; readonly reason: string };

const UNITS_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** `10m`, `1h30m`, `250ms` before now, or an RFC 3339 time; `undefined` for anything else. */
export function parseSince(text: string, nowMs: number): number | undefined {
  if (/^(?:\d+(?:ms|[smhd]))+$/.test(text)) {
    const parts = [...text.matchAll(/(\d+)(ms|[smhd])/g)];
    return nowMs - parts.reduce((sum, [, count, unit]) => sum + Number(count) * UNITS_MS[unit as keyof typeof UNITS_MS], 0);
  }
  const time = /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(time) ? undefined : time;
}

/**
 * Reads the filter of a query string or of command-line options. Unknown names are left to the caller; a value that
 * cannot be understood refuses the whole filter, because a filter that says less than was asked misleads.
 */
export function parseFlowFilter(values: Readonly<Record<string, string | undefined>>, nowMs: number): FilterResult {
  const refuse = (name: string, wanted: string): FilterResult => ({
    ok: false,
    reason: `Cannot use ${name} "${values[name]}": expected ${wanted}`,
  });
  const verdicts = Object.values(Verdict);
  const verdict = values['verdict'] === undefined ? undefined : verdicts.find((known) => known === values['verdict']?.toUpperCase());
  if (values['verdict'] !== undefined && verdict === undefined) return refuse('verdict', verdicts.join(', '));
  const port = values['port'] === undefined ? undefined : Number(values['port']);
  if (port !== undefined && !(/^\d{1,5}$/.test(values['port']!) && port <= 65_535)) return refuse('port', 'a number from 0 to 65535');
  const sinceMs = values['since'] === undefined ? undefined : parseSince(values['since'], nowMs);
  if (values['since'] !== undefined && sinceMs === undefined) return refuse('since', 'a duration such as 10m or an RFC 3339 time');
  const { from, to, namespace, protocol } = values;
  return {
    ok: true,
    filter: {
      ...(verdict !== undefined && { verdict }),
      ...(from !== undefined && { from }),
      ...(to !== undefined && { to }),
      ...(namespace !== undefined && { namespace }),
      ...(protocol !== undefined && { protocol }),
      ...(port !== undefined && { port }),
      ...(sinceMs !== undefined && { sinceMs }),
    },
  };
}

function endpointMatches(endpoint: Endpoint, wanted: string): boolean {
  const { namespace = '', pod, workload, ip, reserved, names = [], identity } = endpoint;
  if ([ip, reserved, identity, workload, ...names].includes(wanted)) return true;
  if (wanted.endsWith('/') && namespace !== '' && `${namespace}/` === wanted) return true;
  const slash = wanted.indexOf('/');
  const [inNamespace, name] = slash < 0 ? [undefined, wanted] : [wanted.slice(0, slash), wanted.slice(slash + 1)];
  if (name === '' || (inNamespace !== undefined && inNamespace !== namespace)) return false;
  // Pods of a Deployment are asked for by the Deployment's name far more often than by their own.
  const workloadName = workload?.slice(workload.indexOf('/') + 1);
  return pod !== undefined && (pod === name || workloadName === name);
}

function protocolMatches(flow: FlowRecord, wanted: string): boolean {
  const name = wanted.toLowerCase();
  if (flow.body.type === name) return true;
  if (flow.body.type !== 'l4') return false;
  const protocol = flow.body.protocol.toLowerCase();
  return protocol === name || (name === 'icmp' && protocol.startsWith('icmp'));
}

/** The filter as one predicate, made once and asked for every record. */
export function compileFlowFilter(filter: FlowFilter): (flow: FlowRecord) => boolean {
  const checks: ((flow: FlowRecord) => boolean)[] = [];
  const { verdict, from, to, namespace, protocol, port, sinceMs } = filter;
  if (verdict !== undefined) checks.push((flow) => flow.verdict === verdict);
  if (from !== undefined) checks.push((flow) => endpointMatches(flow.source, from));
  if (to !== undefined) checks.push((flow) => endpointMatches(flow.destination, to));
  if (namespace !== undefined) checks.push((flow) => flow.source.namespace === namespace || flow.destination.namespace === namespace);
  if (protocol !== undefined) checks.push((flow) => protocolMatches(flow, protocol));
  if (port !== undefined) checks.push((flow) => flow.source.port === port || flow.destination.port === port);
  if (sinceMs !== undefined) checks.push((flow) => Date.parse(flow.time) >= sinceMs);
  return (flow) => checks.every((check) => check(flow));
}
