import type { KubernetesObject } from '@palisade/kubernetes';
import type { Cluster, NodeView } from './cluster.ts';
import { matchesNode } from './node-affinity.ts';
import { podAffinityRefusal } from './pod-affinity.ts';
import { type Amounts, add, amounts, hostPorts, podRequests, portsCollide } from './requests.ts';
import { spreadRefusal } from './spread.ts';
import { taintsOf, untolerated } from './tolerations.ts';

export interface Refusal {
  reasons: string[];
  /** Removing pods from the node could help. */
  isResolvable: boolean;
}

const UNSCHEDULABLE_TAINT = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' } as const;

/** Why `pod` cannot stand on `node`, in kube-scheduler's words and order; undefined when it can. */
export function refuseNode(pod: KubernetesObject, view: NodeView, cluster: Cluster): Refusal | undefined {
  const { node } = view;
  const final = (reason: string): Refusal => ({ reasons: [reason], isResolvable: false });
  if (node['spec']?.unschedulable && untolerated(pod, [UNSCHEDULABLE_TAINT], ['NoSchedule']).length > 0)
    return final('node(s) were unschedulable');
  const wantedName = pod['spec'].nodeName;
  if (wantedName && wantedName !== node.metadata.name) return final("node(s) didn't match the requested node name");
  const [taint] = untolerated(pod, taintsOf(node), ['NoSchedule', 'NoExecute']);
  if (taint !== undefined) return final(`node(s) had untolerated taint {${taint.key}: ${taint.value ?? ''}}`);
  if (!matchesNode(pod, node)) return final("node(s) didn't match Pod's node affinity/selector");
  const wantedPorts = hostPorts(pod);
  if (
    wantedPorts.length > 0 &&
    view.pods.some((present) => hostPorts(present).some((taken) => wantedPorts.some((port) => portsCollide(port, taken))))
  ) {
    return { reasons: ["node(s) didn't have free ports for the requested pod ports"], isResolvable: true };
  }
  const missing = missingResources(pod, view);
  if (missing.length > 0) return { reasons: missing, isResolvable: true };
  const spread = spreadRefusal(pod, view, cluster);
  if (spread !== undefined) return { reasons: [spread], isResolvable: !spread.includes('missing') };
  const affinity = podAffinityRefusal(pod, view, cluster);
  return affinity === undefined ? undefined : { reasons: [affinity], isResolvable: !affinity.endsWith('pod affinity rules') };
}

/** Absent from `allocatable` means the node has none of it. */
function missingResources(pod: KubernetesObject, view: NodeView): string[] {
  const allocatable = allocatableOf(view.node);
  const missing: string[] = [];
  if (view.pods.length + 1 > (allocatable.get('pods') ?? 0)) missing.push('Too many pods');
  const wanted = podRequests(pod);
  if (wanted.size === 0) return missing;
  const taken = requestedOn(view);
  for (const [name, amount] of wanted) {
    // The slack swallows the rounding of sums of fractions of cores.
    if (amount > 0 && amount > (allocatable.get(name) ?? 0) - (taken.get(name) ?? 0) + 1e-9) missing.push(`Insufficient ${name}`);
  }
  return missing;
}

export function allocatableOf(node: KubernetesObject): Amounts {
  return amounts(node['status']?.allocatable ?? {});
}

export function requestedOn(view: NodeView): Amounts {
  const taken: Amounts = new Map();
  for (const present of view.pods) add(taken, podRequests(present));
  return taken;
}
