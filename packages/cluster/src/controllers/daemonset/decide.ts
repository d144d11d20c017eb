import type { KubernetesObject } from '@palisade/kubernetes';
import { resolveAmount } from '../deployment/scale.ts';
import { isPodAvailable, isPodFinished, isPodReady, podFromTemplate } from '../runtime/pods.ts';
import { REVISION_HASH } from '../runtime/revisions.ts';
import { matchesNode } from '../scheduler/node-affinity.ts';
import { type Toleration, taintsOf, untolerated } from '../scheduler/tolerations.ts';

const CONDITION_TAINTS = ['disk-pressure', 'memory-pressure', 'pid-pressure', 'unschedulable'];

/** What every daemon pod tolerates: it belongs to its node, whatever state that is in. */
function daemonTolerations(isHostNetwork: boolean): Toleration[] {
  const key = (name: string) => `node.kubernetes.io/${name}`;
  return [
    { key: key('not-ready'), operator: 'Exists', effect: 'NoExecute' },
    { key: key('unreachable'), operator: 'Exists', effect: 'NoExecute' },
    ...[...CONDITION_TAINTS, ...(isHostNetwork ? ['network-unavailable'] : [])].map(
      (name): Toleration => ({ key: key(name), operator: 'Exists', effect: 'NoSchedule' }),
    ),
  ];
}

/** The pod of one node: bound to it by affinity, so that the scheduler places it. */
export function daemonPod(ds: KubernetesObject, nodeName: string, hash: string): KubernetesObject {
  const pod = podFromTemplate(ds, ds['spec'].template);
  pod.metadata.labels = { ...pod.metadata.labels, [REVISION_HASH]: hash };
  const { spec } = pod;
  const required = { nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [nodeName] }] }] };
  const nodeAffinity = { ...spec.affinity?.nodeAffinity, requiredDuringSchedulingIgnoredDuringExecution: required };
  spec.affinity = { ...spec.affinity, nodeAffinity };
  spec.tolerations = [...(spec.tolerations ?? []), ...daemonTolerations(spec.hostNetwork === true)];
  return pod;
}

/** The node a daemon pod is for, even before it was assigned. */
export function nodeOf(pod: KubernetesObject): string {
  const terms = pod['spec'].affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  return pod['spec'].nodeName || (terms?.[0]?.matchFields?.[0]?.values?.[0] ?? '');
}

export type Suitability = 'runs' | 'stays' | 'leaves';

/** Whether the node gets a pod, keeps the one it has (a NoSchedule taint came later), or must not have one. */
export function suits(ds: KubernetesObject, node: KubernetesObject): Suitability {
  const { spec } = ds['spec'].template;
  const pod: KubernetesObject = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {},
    spec: { ...spec, tolerations: [...(spec.tolerations ?? []), ...daemonTolerations(spec.hostNetwork === true)] },
  };
  if ((spec.nodeName && spec.nodeName !== node.metadata.name) || !matchesNode(pod, node)) return 'leaves';
  if (untolerated(pod, taintsOf(node), ['NoExecute']).length > 0) return 'leaves';
  return untolerated(pod, taintsOf(node), ['NoSchedule']).length > 0 ? 'stays' : 'runs';
}

export interface DaemonSetDecision {
  /** Names of nodes. */
  create: string[];
  remove: KubernetesObject[];
  /** Pods that ended although they should run: to be removed after a pause. */
  ended: KubernetesObject[];
  status: Record<string, number>;
}

/** One pass: fill empty nodes, clear nodes that must not have one, then replace old pods within `maxUnavailable` or `maxSurge`. */
export function decideDaemonSet(
  ds: KubernetesObject,
  hash: string,
  nodes: readonly KubernetesObject[],
  pods: readonly KubernetesObject[],
  now: Date,
): DaemonSetDecision {
  const decision: DaemonSetDecision = { create: [], remove: [], ended: [], status: {} };
  const minReadySeconds = ds['spec'].minReadySeconds ?? 0;
  const isAvailable = (pod: KubernetesObject) => pod.metadata.deletionTimestamp === undefined && isPodAvailable(pod, minReadySeconds, now);
  const isNew = (pod: KubernetesObject) => pod.metadata.labels?.[REVISION_HASH] === hash;
  const byNode = new Map<string, KubernetesObject[]>();
  for (const pod of pods) byNode.set(nodeOf(pod), [...(byNode.get(nodeOf(pod)) ?? []), pod]);
  const outdated: KubernetesObject[][] = [];
  const count = { current: 0, misscheduled: 0, desired: 0, ready: 0, updated: 0, available: 0, surging: 0 };
  for (const node of nodes) {
    const name = String(node.metadata.name);
    const here = byNode.get(name) ?? [];
    const suitability = suits(ds, node);
    const alive = here.filter((pod) => !isPodFinished(pod) && pod.metadata.deletionTimestamp === undefined);
    const ended = here.filter((pod) => isPodFinished(pod) && pod.metadata.deletionTimestamp === undefined);
    if (suitability === 'runs') count.desired += 1;
    else if (here.length > 0) count.misscheduled += 1;
    if (suitability === 'leaves') {
      decision.remove.push(...alive, ...ended);
      continue;
    }
    decision.ended.push(...ended);
    if (suitability === 'runs' && here.length === 0) decision.create.push(name);
    if (suitability !== 'runs' || here.length === 0) continue;
    count.current += 1;
    if (alive.some(isPodReady)) count.ready += 1;
    if (alive.some(isNew)) count.updated += 1;
    if (alive.some(isAvailable)) count.available += 1;
    const [fresh, old] = [alive.filter(isNew), alive.filter((pod) => !isNew(pod))];
    // Twice the same, from a cache that lagged: the oldest stays.
    decision.remove.push(...byAge(fresh).slice(1), ...byAge(old).slice(1));
    if (old.length > 0 && fresh.length > 0) {
      count.surging += 1;
      if (fresh.some(isAvailable)) decision.remove.push(...byAge(old).slice(0, 1));
    } else if (old.length > 0) outdated.push(old);
  }
  if (ds['spec'].updateStrategy?.type !== 'OnDelete')
    replaceOld(
      ds,
      outdated.map((old) => byAge(old)[0]!),
      count,
      isAvailable,
      decision,
    );
  decision.status = {
    currentNumberScheduled: count.current,
    numberMisscheduled: count.misscheduled,
    desiredNumberScheduled: count.desired,
    numberReady: count.ready,
    updatedNumberScheduled: count.updated,
    numberAvailable: count.available,
    numberUnavailable: count.desired - count.available,
  };
  return decision;
}

function replaceOld(
  ds: KubernetesObject,
  outdated: readonly KubernetesObject[],
  count: { desired: number; available: number; surging: number },
  isAvailable: (pod: KubernetesObject) => boolean,
  decision: DaemonSetDecision,
): void {
  const { maxUnavailable = 1, maxSurge = 0 } = ds['spec'].updateStrategy?.rollingUpdate ?? {};
  const surge = resolveAmount(maxSurge, count.desired, Math.ceil);
  // What serves nobody can go at once.
  const broken = outdated.filter((pod) => !isAvailable(pod));
  decision.remove.push(...broken);
  const working = outdated.filter(isAvailable);
  if (surge > 0) {
    decision.create.push(...working.slice(0, Math.max(0, surge - count.surging)).map(nodeOf));
    return;
  }
  const unavailable = count.desired - count.available;
  decision.remove.push(...working.slice(0, Math.max(0, resolveAmount(maxUnavailable, count.desired, Math.ceil) - unavailable)));
}

function byAge(pods: readonly KubernetesObject[]): KubernetesObject[] {
  return [...pods].sort((a, b) =>
    `${a.metadata.creationTimestamp}${a.metadata.name}` < `${b.metadata.creationTimestamp}${b.metadata.name}` ? -1 : 1,
  );
}
