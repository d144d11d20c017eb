import type { Endpoint } from '@palisade/flow';
import { systemClock } from '@palisade/kubernetes/client';
import type { NodeNetwork } from '../contract.ts';
import { createEventRecorder } from '../controllers/runtime/events.ts';
import {
  createNodeNetwork,
  type HostPorts,
  type NodePolicies,
  startHostPorts,
  startNodePolicies,
  startServiceProxy,
} from '../node/network/index.ts';
import { outsideNamesOf } from '../outside/index.ts';
import type { Parts } from './parts.ts';
import { reportPolicyStatus } from './policy-kinds/index.ts';

export interface NetworkParts {
  readonly nodes: readonly NodeNetwork[];
  /** Who an address is, for flow records. */
  endpointOf(ip: string, port: number): Endpoint;
  /** To be called before DNS answers a pod. */
  resolved(name: string, addresses: readonly string[], ttlSeconds: number): Promise<void>;
  close(): Promise<void>;
}

/** Node networks, Services, host ports and policies. Resolves when every node drops what no policy is known for. */
export async function startNetwork(parts: Parts): Promise<NetworkParts> {
  const { fabric, informers, client, signal, log, sink } = parts;
  let policies: NodePolicies | undefined;
  const policiesSettled = () => policies?.settled() ?? Promise.resolve();
  const networks = fabric.nodes.map((node) =>
    createNodeNetwork({ node, onPodAdded: policiesSettled, onPodRemoved: () => void policiesSettled() }),
  );
  policies = await startNodePolicies({
    nodes: fabric.nodes,
    networks,
    pods: informers.pods,
    namespaces: informers.namespaces,
    networkPolicies: informers.networkPolicies,
    clusterPolicies: informers.clusterPolicies,
    nodeObjects: informers.nodes,
    sink,
    signal,
    log,
    namesOf: outsideNamesOf,
  });
  reportPolicyStatus(client, informers.clusterPolicies, () => systemClock.now(), log);
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
    cluster: parts.config.name,
    client,
    services: informers.services,
    plans: () => proxy.current,
    fabricNetns: fabric.netns,
    events: createEventRecorder({ client, clock: systemClock, component: 'service-controller', log }),
    signal,
    log,
  });
  return {
    nodes: networks,
    endpointOf: policies.endpointOf,
    resolved: policies.resolved,
    async close() {
      policies.close();
      await hostPorts.close();
    },
  };
}
