/** A cluster to measure with: namespaces of ten teams, twenty applications, policies with both directions, named ports and ipBlocks. */
import type { ClusterSnapshot } from '@palisade/netpol';

export const NAMESPACES = 100;
const NODES = 100;

export function clusterOf(podCount: number, policyCount: number): ClusterSnapshot {
  const namespaces = Array.from({ length: NAMESPACES }, (_, n) => ({ name: `ns${n}`, labels: { team: `t${n % 10}` } }));
  const pods = Array.from({ length: podCount }, (_, n) => {
    const app = Math.floor(n / NAMESPACES) % 20;
    return {
      namespace: `ns${n % NAMESPACES}`,
      name: `p${n}`,
      uid: `uid-${n}`,
      labels: { app: `app${app}`, 'statefulset.kubernetes.io/pod-name': `p${n}` },
      ips: [`10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`, `fd00:244::${(n + 1).toString(16)}`],
      ports: [{ name: 'http', protocol: 'TCP' as const, port: 8080 }],
      // Spread so that a node has pods of every namespace and of every application.
      node: `node${(7 * (n % NAMESPACES) + Math.floor(n / NAMESPACES)) % NODES}`,
    };
  });
  const networkPolicies = Array.from({ length: policyCount }, (_, n) => {
    const k = Math.floor(n / NAMESPACES);
    const from = [
      { podSelector: { matchLabels: { app: `app${(k * 2 + 1) % 20}` } } },
      { namespaceSelector: { matchLabels: { team: `t${k}` } }, podSelector: { matchLabels: { app: `app${k}` } } },
    ];
    const egress = [
      { to: [{ namespaceSelector: {} }], ports: [{ port: 53, protocol: 'UDP' }] },
      { to: [{ ipBlock: { cidr: `203.0.${k}.0/24` } }] },
    ];
    return {
      metadata: { namespace: `ns${n % NAMESPACES}`, name: `policy${n}` },
      spec: {
        podSelector: { matchLabels: { app: `app${k * 2}` } },
        policyTypes: ['Ingress', 'Egress'],
        ingress: [{ from, ports: [{ port: 'http' }, { port: 9000 + k }] }],
        egress,
      },
    };
  });
  return { namespaces, pods, networkPolicies };
}
