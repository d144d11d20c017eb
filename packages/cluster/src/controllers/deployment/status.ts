import type { KubernetesObject } from '@palisade/kubernetes';
import { apiTime, type Condition, condition } from '../runtime/pods.ts';
import { availableOf, fenceposts, replicasOf, totalReplicas } from './scale.ts';

export interface DeploymentStatus {
  observedGeneration: number;
  replicas?: number;
  updatedReplicas?: number;
  readyReplicas?: number;
  availableReplicas?: number;
  unavailableReplicas?: number;
  collisionCount?: number;
  conditions: Condition[];
}

/** What this pass did, for the Progressing condition. */
export type Progress = { kind: 'created' | 'found'; name: string } | { kind: 'none' };

/** `progressDeadlineSeconds` of this value means: no deadline (MaxInt32). */
const NO_DEADLINE = 2 ** 31 - 1;

function hasDeadline(deployment: KubernetesObject): boolean {
  const deadline = deployment['spec'].progressDeadlineSeconds;
  return deadline !== undefined && deadline !== NO_DEADLINE;
}

/**
 * Counts and conditions with the reasons and texts that `kubectl rollout status`, `wait` and `describe` read.
 *
 * @param isRollout false for a paused Deployment or a mere change of size: the progress is then not judged
 */
export function deploymentStatus(
  deployment: KubernetesObject,
  newSet: KubernetesObject | undefined,
  old: readonly KubernetesObject[],
  options: { now: Date; progress: Progress; isRollout: boolean; collisionCount?: number },
): DeploymentStatus {
  const all = [...old, ...(newSet === undefined ? [] : [newSet])];
  const sum = (field: string) => all.reduce((total, rs) => total + (rs['status']?.[field] ?? 0), 0);
  const available = all.reduce((total, rs) => total + availableOf(rs), 0);
  const counts = {
    replicas: sum('replicas'),
    updatedReplicas: newSet?.['status']?.replicas ?? 0,
    readyReplicas: sum('readyReplicas'),
    availableReplicas: available,
    unavailableReplicas: Math.max(0, totalReplicas(all) - available),
    collisionCount: options.collisionCount ?? deployment['status']?.collisionCount ?? 0,
  };
  const conditions = new ConditionSet(deployment['status']?.conditions ?? [], options.now);
  const isAvailable = available >= replicasOf(deployment) - fenceposts(deployment).maxUnavailable;
  conditions.set(
    'Available',
    isAvailable ? 'True' : 'False',
    isAvailable ? 'MinimumReplicasAvailable' : 'MinimumReplicasUnavailable',
    `Deployment ${isAvailable ? 'has' : 'does not have'} minimum availability.`,
  );
  if (hasDeadline(deployment)) judgePause(conditions, deployment);
  if (options.isRollout) {
    if (hasDeadline(deployment)) judgeProgress(conditions, deployment, newSet, counts, options.progress);
    else conditions.remove('Progressing');
    const failure = [...(newSet === undefined ? [] : [newSet]), ...old]
      .map((rs) => condition(rs, 'ReplicaFailure'))
      .find((found) => found !== undefined);
    if (failure === undefined) conditions.remove('ReplicaFailure');
    else conditions.set('ReplicaFailure', failure.status, failure.reason ?? '', failure.message ?? '');
  }
  return {
    observedGeneration: deployment.metadata.generation ?? 0,
    ...Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0)),
    conditions: conditions.list(),
  };
}

interface Counts {
  replicas: number;
  updatedReplicas: number;
  readyReplicas: number;
  availableReplicas: number;
}

export function isComplete(deployment: KubernetesObject, counts: Counts): boolean {
  const wanted = replicasOf(deployment);
  return counts.updatedReplicas === wanted && counts.replicas === wanted && counts.availableReplicas === wanted;
}

function judgeProgress(
  conditions: ConditionSet,
  deployment: KubernetesObject,
  newSet: KubernetesObject | undefined,
  counts: Counts,
  progress: Progress,
): void {
  if (progress.kind === 'created') {
    conditions.renew('Progressing', 'True', 'NewReplicaSetCreated', `Created new replica set "${progress.name}"`);
    return;
  }
  if (conditions.get('Progressing') === undefined && progress.kind === 'found') {
    conditions.set('Progressing', 'True', 'FoundNewReplicaSet', `Found new replica set "${progress.name}"`);
  }
  const current = conditions.get('Progressing');
  // Once finished, a later loss of pods is a matter of availability, not of progress.
  if (current?.reason === 'NewReplicaSetAvailable' && counts.replicas === counts.updatedReplicas) return;
  const subject = newSet === undefined ? `Deployment "${deployment.metadata.name}"` : `ReplicaSet "${newSet.metadata.name}"`;
  const before = deployment['status'] ?? {};
  const grew = (field: keyof Counts) => counts[field] > (before[field] ?? 0);
  const fewerOld = counts.replicas - counts.updatedReplicas < (before.replicas ?? 0) - (before.updatedReplicas ?? 0);
  if (isComplete(deployment, counts))
    conditions.set('Progressing', 'True', 'NewReplicaSetAvailable', `${subject} has successfully progressed.`);
  else if (grew('updatedReplicas') || fewerOld || grew('readyReplicas') || grew('availableReplicas')) {
    conditions.renew('Progressing', 'True', 'ReplicaSetUpdated', `${subject} is progressing.`);
  } else if (isTimedOut(deployment, current, conditions.now)) {
    conditions.set('Progressing', 'False', 'ProgressDeadlineExceeded', `${subject} has timed out progressing.`);
  }
}

function isTimedOut(deployment: KubernetesObject, current: Condition | undefined, now: Date): boolean {
  if (current === undefined || current.reason === 'NewReplicaSetAvailable') return false;
  if (current.reason === 'ProgressDeadlineExceeded') return true;
  return now.getTime() >= Date.parse(current.lastUpdateTime ?? '') + deployment['spec'].progressDeadlineSeconds * 1000;
}

function judgePause(conditions: ConditionSet, deployment: KubernetesObject): void {
  const reason = conditions.get('Progressing')?.reason;
  if (reason === 'ProgressDeadlineExceeded') return;
  if (deployment['spec'].paused && reason !== 'DeploymentPaused')
    conditions.set('Progressing', 'Unknown', 'DeploymentPaused', 'Deployment is paused');
  if (!deployment['spec'].paused && reason === 'DeploymentPaused')
    conditions.set('Progressing', 'Unknown', 'DeploymentResumed', 'Deployment is resumed');
}

/** When the deadline must be looked at again; undefined when nothing is under way. */
export function deadlineCheckMs(deployment: KubernetesObject, status: DeploymentStatus, now: Date): number | undefined {
  const progressing = status.conditions.find((found) => found.type === 'Progressing');
  if (!hasDeadline(deployment) || progressing === undefined || deployment['spec'].paused) return undefined;
  if (progressing.reason === 'NewReplicaSetAvailable' || progressing.reason === 'ProgressDeadlineExceeded') return undefined;
  const due = Date.parse(progressing.lastUpdateTime ?? '') + deployment['spec'].progressDeadlineSeconds * 1000;
  return Math.max(1000, due - now.getTime() + 1000);
}

/** Conditions by type; times move only when something changed: the transition with the status, the update with the reason. */
class ConditionSet {
  readonly now: Date;
  #conditions: Condition[];

  constructor(conditions: readonly Condition[], now: Date) {
    this.#conditions = [...conditions];
    this.now = now;
  }

  get(type: string): Condition | undefined {
    return this.#conditions.find((found) => found.type === type);
  }

  list(): Condition[] {
    return this.#conditions;
  }

  remove(type: string): void {
    this.#conditions = this.#conditions.filter((found) => found.type !== type);
  }

  set(type: string, status: string, reason: string, message: string): void {
    const before = this.get(type);
    if (before?.status === status && before.reason === reason) return;
    this.renew(type, status, reason, message);
  }

  /** As `set`, but moves `lastUpdateTime` even if nothing else changed: progress was made. */
  renew(type: string, status: string, reason: string, message: string): void {
    const before = this.get(type);
    const at = apiTime(this.now);
    this.remove(type);
    this.#conditions.push({
      type,
      status,
      lastUpdateTime: at,
      lastTransitionTime: before?.status === status ? (before.lastTransitionTime ?? at) : at,
      reason,
      message,
    });
  }
}
