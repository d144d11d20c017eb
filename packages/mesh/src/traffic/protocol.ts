/** Which protocol a service port speaks (Istio "Protocol Selection"). */
import type { Protocol } from './model.ts';

const byName: Readonly<Record<string, Protocol>> = {
  http: 'http',
  http2: 'http2',
  grpc: 'http2',
  'grpc-web': 'http',
  tcp: 'tcp',
  tls: 'tcp',
  https: 'tcp',
  mongo: 'tcp',
  mysql: 'tcp',
  redis: 'tcp',
};
const byAppProtocol: Readonly<Record<string, Protocol>> = {
  ...byName,
  'kubernetes.io/h2c': 'http2',
  'kubernetes.io/ws': 'http',
  'kubernetes.io/wss': 'tcp',
};
/** SMTP, DNS, MySQL, MongoDB: there the server may speak first, and looking would wait for ever. */
const serverFirst: readonly number[] = [25, 53, 3306, 27017];

/** @returns undefined for a port that is not TCP: the mesh does not see it */
export function protocolOf(port: { name?: string; port: number; protocol?: string; appProtocol?: string }): Protocol | undefined {
  if ((port.protocol ?? 'TCP') !== 'TCP') return undefined;
  if (port.appProtocol !== undefined) {
    const known = byAppProtocol[port.appProtocol.toLowerCase()];
    if (known !== undefined) return known;
  }
  const name = (port.name ?? '').toLowerCase();
  const prefix = /^grpc-web(-|$)/.test(name) ? 'grpc-web' : (name.split('-')[0] ?? '');
  return (Object.hasOwn(byName, prefix) ? byName[prefix] : undefined) ?? (serverFirst.includes(port.port) ? 'tcp' : 'auto');
}
