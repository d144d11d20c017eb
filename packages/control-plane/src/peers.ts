/** Servers' agents ask who is behind the addresses that call them: pods by address, sent when they come, change and go. */
import type { KubernetesObject } from '@palisade/kubernetes';
import { describeWorkload, readWorkload } from '@palisade/mesh/traffic';
import { TypeUrl } from '@palisade/xds';
import { peerName, renderPeer } from '@palisade/xds/peer';
import type { ProxyConnection, ResourceSnapshot, VersionedResource } from '@palisade/xds/server';

export interface PeerFeed<Identity> {
  add(connection: ProxyConnection<Identity>): () => void;
  /** Some pod is another than before. */
  schedule(): void;
}

export interface PeerFeedOptions {
  pods(): readonly KubernetesObject[];
  /** Runs `action` after the pause. */
  later(action: () => void, ms: number): void;
}

/** What the agents' nodes are called, where proxies are `sidecar` and `router`. */
export function isAgent(nodeId: string): boolean {
  return nodeId.startsWith('agent~');
}

const pauseMs = 100;

export function createPeerFeed<Identity>({ pods, later }: PeerFeedOptions): PeerFeed<Identity> {
  const connections = new Set<ProxyConnection<Identity>>();
  const rendered = new WeakMap<KubernetesObject, readonly (readonly [name: string, peer: VersionedResource])[]>();
  const renderOnce = (pod: KubernetesObject) => {
    const known = rendered.get(pod);
    if (known !== undefined) return known;
    const made = peersOf(pod);
    rendered.set(pod, made);
    return made;
  };
  const snapshot = (): ResourceSnapshot => new Map([[TypeUrl.clusterLoadAssignment, new Map(pods().flatMap(renderOnce))]]);
  let isWaiting = false;
  return {
    add(connection) {
      connections.add(connection);
      connection.push(snapshot());
      return () => connections.delete(connection);
    },
    schedule() {
      if (isWaiting) return;
      isWaiting = true;
      later(() => {
        isWaiting = false;
        if (connections.size === 0) return;
        const current = snapshot();
        for (const connection of connections) connection.push(current);
      }, pauseMs);
    },
  };
}

/** Its addresses are its own while it lives, unless they are the node's. */
function peersOf(pod: KubernetesObject): (readonly [string, VersionedResource])[] {
  const { hostNetwork } = (pod['spec'] ?? {}) as { readonly hostNetwork?: boolean };
  const { phase = '' } = (pod['status'] ?? {}) as { readonly phase?: string };
  if (hostNetwork === true || phase === 'Succeeded' || phase === 'Failed') return [];
  const { namespace, name, serviceAccount, addresses } = readWorkload(pod);
  const peer = { namespace, pod: name, serviceAccount, workload: describeWorkload(pod) };
  return addresses.map((address) => [peerName(address), renderPeer(address, peer)]);
}
