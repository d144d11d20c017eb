import type { Packet, PacketEnd } from '../evaluate.ts';
import type { ClusterSnapshot } from '../model.ts';
import { podsOf, policy } from './fixtures.ts';

export const namespaces = [
  { name: 'default', labels: { team: 'blue' } },
  { name: 'prod', labels: { user: 'alice' } },
  { name: 'kube-system', labels: {} },
];
const http = { name: 'http', protocol: 'TCP', port: 8080 } as const;
const pods = podsOf({
  'default/db': { labels: { app: 'db', role: 'store' }, ports: [http] },
  'default/web': { labels: { app: 'web' }, ports: [{ ...http, port: 80 }] },
  'default/client': { labels: { role: 'client' }, node: 'node2' },
  'prod/client': { labels: { role: 'client' } },
  'prod/other': { labels: { app: 'other' } },
  'prod/agent': { labels: { role: 'client' }, hostNetwork: true, ips: ['192.168.0.1'] },
});
const nodes = [
  { name: 'node1', addresses: ['192.168.0.1', 'fd00:1::1'] },
  { name: 'node2', addresses: ['192.168.0.2'] },
];

/** The pods of this scene, and one NetworkPolicy in default for each of the specs. */
export function cluster(...specs: unknown[]): ClusterSnapshot {
  return {
    namespaces,
    pods,
    nodes,
    dnsServiceIPs: ['10.96.0.10'],
    networkPolicies: specs.map((spec, index) => policy('default', `p${index}`, spec)),
  };
}

const end = (text: string): PacketEnd => (text.includes('/') ? { pod: text } : { ip: text });

/** @param text `source destination PROTOCOL port`; an end is `namespace/pod` or an address */
export function packet(text: string): Packet {
  const [src = '', dst = '', protocol = '', port] = text.split(' ');
  return { src: end(src), dst: end(dst), protocol, ...(port !== undefined && { port: Number(port) }) };
}
