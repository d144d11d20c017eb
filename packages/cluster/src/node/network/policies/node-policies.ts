import type { Endpoint } from '@palisade/flow';
import { type Clock, type Informer, systemClock } from '@palisade/kubernetes/client';
import type { FlowSink, NodeNetwork } from '../../../contract.ts';
import { ifnameOf, type NodePlan } from '../fabric/addresses.ts';
import type { LocalPod } from '../fabric/pod-network.ts';
import { createAddressNames } from '../flows/address-names.ts';
import { startFlowReporter } from '../flows/flow-reporter.ts';
import { inNamespace, netnsPath } from '../namespaces/namespace.ts';
import { interfaceName } from '../namespaces/native.ts';
import { startPolicyEnforcer } from './network-policy.ts';

export interface NodePoliciesOptions {
  /** One of each for every node, in the same order. */
  nodes: readonly NodePlan[];
  networks: readonly (Pick<NodeNetwork, 'node'> & { readonly pods: ReadonlyMap<string, LocalPod> })[];
  pods: Informer;
  namespaces: Informer;
  networkPolicies: Informer;
  clusterPolicies?: readonly Informer[];
  nodeObjects?: Informer;
  sink: FlowSink;
  signal: AbortSignal;
  log(level: 'debug' | 'warn', message: string): void;
  clock?: Clock;
  /** DNS names of an address outside of the cluster, for flow records. */
  namesOf?(ip: string): readonly string[];
}

export interface NodePolicies {
  /** Call after a pod's network was made or removed; resolves when all that is known now is in force on every node. */
  settled(): Promise<void>;
  /** To be called before DNS answers a pod (PolicyEnforcer.resolved). */
  resolved(name: string, addresses: readonly string[], ttlSeconds: number): Promise<void>;
  /** Who an address is: a pod (also one that has just gone), the host, or a name of the outside world. */
  endpointOf(ip: string, port?: number): Endpoint;
  /** Logged packets that never arrived, over all nodes. */
  readonly lostFlows: number;
  close(): void;
}

/**
 * Policies in force and flow records out, for every node. Resolves when each node has the table that drops all traffic of pods
 * until the API's policies are known: make pods only after that.
 */
export async function startNodePolicies(options: NodePoliciesOptions): Promise<NodePolicies> {
  const { nodes, networks, clock = systemClock } = options;
  const now = () => clock.now().getTime();
  const names = createAddressNames(now, options.namesOf);
  const enforcer = await startPolicyEnforcer({
    ...options,
    names,
    placed: () => new Map(networks.map((network) => [network.node.name, [...network.pods.values()]])),
  });

  const readers = nodes.map((node, index) => {
    const netns = netnsPath(node.netnsName);
    return startFlowReporter({
      netns,
      sink: options.sink,
      now,
      log: options.log,
      context: () => ({
        nodeName: node.name,
        compiled: enforcer.compiled,
        logIds: enforcer.logIds,
        names,
        podOfInterface(interfaceIndex) {
          const name = inNamespace(netns, () => interfaceName(interfaceIndex));
          return [...networks[index]!.pods.values()].find((pod) => ifnameOf(pod.uid) === name);
        },
      }),
    });
  });
  return {
    settled: enforcer.settled,
    resolved: enforcer.resolved,
    endpointOf: (ip, port) => names.complete({ ip, ...(port === undefined ? {} : { port }) }),
    get lostFlows() {
      return readers.reduce((sum, reader) => sum + reader.lost, 0);
    },
    close() {
      for (const reader of readers) reader.close();
    },
  };
}
