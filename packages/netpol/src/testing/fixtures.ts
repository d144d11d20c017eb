// Small builders that the tests of this package share.
import type { ClusterSnapshot, NamedPort, PodFact } from '../model.ts';
import type { NodeView } from '../nft/node-view.ts';

export function policy(namespace: string, name: string, spec: unknown): unknown {
  return { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { namespace, name }, spec };
}

export interface PodSketch {
  readonly labels?: Record<string, string>;
  readonly node?: string;
  readonly ports?: readonly NamedPort[];
  readonly ips?: readonly string[];
  readonly hostNetwork?: boolean;
}

/** Pods by `namespace/name`; the n-th gets the addresses 10.244.0.n and fd00:244::n (n in hex) unless it says otherwise. */
export function podsOf(sketches: Readonly<Record<string, PodSketch>>): PodFact[] {
  return Object.entries(sketches).map(([key, sketch], index) => {
    const [namespace = '', name = ''] = key.split('/');
    const ips = sketch.ips ?? [`10.244.0.${index + 1}`, `fd00:244::${(index + 1).toString(16)}`];
    return {
      namespace,
      name,
      uid: `uid-${name}`,
      labels: sketch.labels ?? {},
      ips,
      ports: sketch.ports ?? [],
      node: sketch.node ?? 'node1',
      ...(sketch.hostNetwork && { hostNetwork: true }),
    };
  });
}

/** The view of a node that has just started all pods the snapshot places on it. */
export function viewOf(snapshot: ClusterSnapshot, nodeName: string): NodeView {
  const pods = snapshot.pods
    .filter((pod) => !pod.hostNetwork && pod.node === nodeName)
    .map((pod) => ({ uid: pod.uid ?? '', namespace: pod.namespace, name: pod.name, ifname: `v${pod.name}` }));
  return { nodeName, pods, dnsServiceIPs: snapshot.dnsServiceIPs ?? [] };
}
