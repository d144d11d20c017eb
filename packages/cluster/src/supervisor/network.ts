import type { Endpoint } from '@palisade/flow';
import { systemClock } from '@palisade/kubernetes/client';
import type { NodeNetwork } from '../contract.ts';
import { createEventRecorder } from '../controllers/runtime/events.ts';
import { createNodeNetwork, type HostPorts, startHostPorts, startServiceProxy } from '../node/network/index.ts';
import type { Parts } from './parts.ts';

export interface NetworkParts {
  readonly nodes: readonly NodeNetwork[];
  /** Who an address is, for flow records. */
  endpointOf(ip: string, port: number): Endpoint;
  close(): Promise<void>;
}

/** Node networks, Services, host ports and policies. */
export function startNetwork(parts: Parts): NetworkParts {
  const { fabric, informers, client, signal, log } = parts;
  const nodes = fabric.nodes.map((node) => createNodeNetwork({ node }));
  let hostPorts: HostPorts | undefined;
  const proxy = startServiceProxy({
    nodes: fabric.nodes,
    services: informers.services,
    slices: informers.endpointSlices,
    signal,
    log,
    onApplied: () => void hostPorts?.update(),
  });
  hostPorts = startHostPorts({
    client,
    services: informers.services,
    plans: () => proxy.current,
    fabricNetns: fabric.netns,
    events: createEventRecorder({ client, clock: systemClock, component: 'service-controller', log }),
    signal,
    log,
  });
  informers.pods.addIndex('ip', (pod) => ((pod['status']?.podIPs ?? []) as { ip: string }[]).map(({ ip }) => ip));
  return {
    nodes,
    endpointOf(ip, port) {
      const [pod] = informers.pods.byIndex('ip', ip).filter((candidate) => candidate.spec.hostNetwork !== true);
      if (pod === undefined) return { ip, port };
      const { namespace, name, labels } = pod.metadata;
      return {
        ip,
        port,
        ...(namespace && { namespace }),
        ...(name && { pod: name }),
        ...(labels && { labels }),
        ...(pod.spec.nodeName && { node: pod.spec.nodeName }),
      };
    },
    async close() {
      await hostPorts.close();
    },
  };
}
