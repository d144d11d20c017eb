import type { CompiledPod, CompiledPolicies } from '../model.ts';
import type { Labels } from '../selector.ts';

/** Labels that controllers put on pods; they change with every roll-out or tell pods of one workload apart. */
const GENERATED = [
  'pod-template-hash',
  'controller-revision-hash',
  'pod-template-generation',
  'statefulset.kubernetes.io/pod-name',
  'apps.kubernetes.io/pod-index',
  'batch.kubernetes.io/controller-uid',
  'batch.kubernetes.io/job-name',
  'controller-uid',
  'job-name',
];

/** Pods with one owner, and the labels that name them. */
export interface Subject {
  readonly key: string;
  readonly namespace: string;
  /** `Deployment/db`. */
  readonly workload: string;
  readonly pods: readonly CompiledPod[];
  /** What all of them carry and no controller made; empty when there is nothing to name them by. */
  readonly labels: Labels;
}

export const subjectKey = (namespace: string, workload: string): string => `${namespace}/${workload}`;

/** Pods that policies can select, by owner. */
export function subjectsOf(compiled: CompiledPolicies): Map<string, Subject> {
  const pods = new Map<string, CompiledPod[]>();
  for (const pod of compiled.pods) {
    if (!pod.class) continue;
    const key = subjectKey(pod.fact.namespace, pod.fact.workload ?? `Pod/${pod.fact.name}`);
    const known = pods.get(key);
    if (known) known.push(pod);
    else pods.set(key, [pod]);
  }
  return new Map(
    [...pods].map(([key, members]) => {
      const { fact } = members[0]!;
      const labels = Object.entries(fact.labels).filter(
        ([name, value]) => !GENERATED.includes(name) && members.every((pod) => pod.fact.labels[name] === value),
      );
      const workload = fact.workload ?? `Pod/${fact.name}`;
      return [key, { key, namespace: fact.namespace, workload, pods: members, labels: Object.fromEntries(labels.sort()) }];
    }),
  );
}

export function selects(labels: Labels, pod: CompiledPod): boolean {
  return Object.entries(labels).every(([name, value]) => pod.fact.labels[name] === value);
}
