import { applyNft, createNamespace, deleteNamespace, ipBatch, netnsPath, writeSysctls } from '../namespaces/namespace.ts';
import { FABRIC_NETNS, type NodePlan, OUTSIDE_NETNS, planNodes } from './addresses.ts';
import { CONNTRACK_SYSCTLS, OUTSIDE_SYSCTLS, planFabric, ROUTER_SYSCTLS, renderFabricBase, renderNodeBase } from './fabric-plan.ts';

/** The cluster's network without any pod: one router namespace, the nodes, and the outside world. */
export interface Fabric {
  readonly nodes: readonly NodePlan[];
  /** Path of the router's namespace; it owns the host's, and the cluster DNS's, addresses. */
  readonly netns: string;
  readonly outsideNetns: string;
  /** Removes every namespace of the fabric. Pods must be gone. */
  close(): Promise<void>;
}

/** Makes the fabric. When a step fails, what was made is removed again. */
export async function createFabric(nodeNames: readonly string[]): Promise<Fabric> {
  const nodes = planNodes(nodeNames);
  const plan = planFabric(nodes);
  const made: string[] = [];
  const close = async () => {
    for (const name of made.splice(0).reverse()) deleteNamespace(name);
  };
  try {
    for (const name of plan.namespaces) {
      createNamespace(name);
      made.push(name);
      writeSysctls(netnsPath(name), name === OUTSIDE_NETNS ? OUTSIDE_SYSCTLS : ROUTER_SYSCTLS);
    }
    await ipBatch(undefined, plan.links);
    await Promise.all([
      ...[...plan.batches].map(([name, lines]) => ipBatch(netnsPath(name), lines)),
      applyNft(netnsPath(FABRIC_NETNS), renderFabricBase()),
      ...nodes.map((node) => applyNft(netnsPath(node.netnsName), renderNodeBase())),
    ]);
    // Its sysctls exist once connection tracking is loaded, which the tables above have done.
    for (const node of nodes) writeSysctls(netnsPath(node.netnsName), CONNTRACK_SYSCTLS);
  } catch (error) {
    await close();
    throw error;
  }
  return { nodes, netns: netnsPath(FABRIC_NETNS), outsideNetns: netnsPath(OUTSIDE_NETNS), close };
}
