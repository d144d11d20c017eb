/** Envoy's command operators, compiled to functions of what is being logged. */
import { place } from '../net/address.ts';
import { unsupported } from '../proxy-error.ts';
import type { LogSubject } from './subject.ts';

type Value = string | number | undefined;
export type Operator = (subject: LogSubject) => Value;

const plain: Readonly<Record<string, Operator>> = {
  PROTOCOL: (s) => s.protocol,
  RESPONSE_CODE: (s) => s.status,
  RESPONSE_CODE_DETAILS: (s) => s.details || undefined,
  RESPONSE_FLAGS: (s) => s.flags || '-',
  CONNECTION_TERMINATION_DETAILS: (s) => s.termination,
  BYTES_RECEIVED: (s) => s.bytesReceived,
  BYTES_SENT: (s) => s.bytesSent,
  DURATION: (s) => Math.round(s.endedAt - s.startedAt),
  REQUEST_DURATION: (s) => Math.round(s.endedAt - s.startedAt),
  RESPONSE_DURATION: (s) => Math.round(s.endedAt - s.startedAt),
  UPSTREAM_HOST: (s) => s.host?.text,
  UPSTREAM_CLUSTER: (s) => s.clusterName,
  UPSTREAM_CLUSTER_RAW: (s) => s.clusterName,
  UPSTREAM_LOCAL_ADDRESS: (s) => s.upstreamLocal,
  UPSTREAM_TRANSPORT_FAILURE_REASON: (s) => s.upstreamFailure,
  DOWNSTREAM_TRANSPORT_FAILURE_REASON: (s) => s.transportFailure,
  ROUTE_NAME: (s) => s.routeName || undefined,
  REQUESTED_SERVER_NAME: (s) => s.connection.serverName || undefined,
  DOWNSTREAM_LOCAL_ADDRESS: (s) => place(s.connection.destination.text, s.connection.destinationPort),
  DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT: (s) => s.connection.destination.text,
  DOWNSTREAM_LOCAL_PORT: (s) => s.connection.destinationPort,
  DOWNSTREAM_REMOTE_ADDRESS: (s) => s.remoteText,
  DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: (s) => s.remoteText.replace(/:\d+$/, ''),
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS: (s) => place(s.connection.source.text, s.connection.sourcePort),
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT: (s) => s.connection.source.text,
  DOWNSTREAM_PEER_URI_SAN: (s) => s.connection.peer?.uriSans.join(',') || undefined,
  DOWNSTREAM_LOCAL_URI_SAN: (s) => s.connection.localUriSans.join(',') || undefined,
};

/** One operator between percent signs, such as `REQ(X-ENVOY-ORIGINAL-PATH?:PATH):60`. */
export function compileOperator(text: string, where: string): Operator {
  const parts = /^([A-Z0-9_]+)(?:\(([^)]*)\))?(?::(\d+))?$/.exec(text);
  if (parts === null) throw unsupported(where, `log operator %${text}%`);
  const [, name = '', argument, limit] = parts;
  const operator = withArgument(name, argument, where);
  if (limit === undefined) return operator;
  return (subject) => {
    const value = operator(subject);
    return typeof value === 'string' ? value.slice(0, Number(limit)) : value;
  };
}

function withArgument(name: string, argument: string | undefined, where: string): Operator {
  if (name === 'START_TIME') return (subject) => isoTime(subject.startMs);
  if ((name === 'REQ' || name === 'RESP') && argument !== undefined) {
    const sources = argument.split('?').map((one) => headerOf(name, one.toLowerCase().replace(/^:(?=:)/, '')));
    if (sources.length === 1) return sources[0]!;
    return (subject) => sources[0]!(subject) ?? sources[1]!(subject);
  }
  if (name === 'DYNAMIC_METADATA' && argument !== undefined) {
    const [filter = '', ...keys] = argument.split(':');
    return (subject) => {
      let value = subject.metadata?.[filter];
      for (const key of keys) value = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
      return value === undefined ? undefined : typeof value === 'string' ? value : JSON.stringify(value);
    };
  }
  if (name === 'FILTER_STATE' || name === 'METADATA') return () => undefined;
  const found = Object.hasOwn(plain, name) && argument === undefined ? plain[name] : undefined;
  if (found === undefined) throw unsupported(where, `log operator %${name}%`);
  return found;
}

function headerOf(source: 'REQ' | 'RESP', lower: string): Operator {
  if (source === 'RESP') return (subject) => subject.responseHeader(lower);
  if (lower === ':method') return (subject) => subject.method;
  if (lower === ':path') return (subject) => subject.path;
  if (lower === ':authority' || lower === 'host') return (subject) => subject.authority;
  if (lower === 'x-envoy-original-path') return () => undefined;
  return (subject) => subject.requestHeader(lower);
}

let lastMs = -1;
let lastSecond = -1;
let lastPrefix = '';
let lastText = '';

/** ISO 8601 in UTC with milliseconds; what has not changed since the last one is kept. */
function isoTime(ms: number): string {
  if (ms === lastMs) return lastText;
  const second = Math.floor(ms / 1000);
  if (second !== lastSecond) {
    lastSecond = second;
    lastPrefix = new Date(second * 1000).toISOString().slice(0, 20);
  }
  const rest = Math.floor(ms) % 1000;
  lastMs = ms;
  lastText = `${lastPrefix}${rest < 10 ? '00' : rest < 100 ? '0' : ''}${rest}Z`;
  return lastText;
}
