import type { KubernetesObject } from '@palisade/kubernetes';

export interface Scale {
  rs: KubernetesObject;
  replicas: number;
}

export const replicasOf = (object: KubernetesObject): number => object['spec'].replicas ?? 1;
export const availableOf = (rs: KubernetesObject): number => rs['status']?.availableReplicas ?? 0;
export const totalReplicas = (sets: readonly KubernetesObject[]): number => sets.reduce((sum, rs) => sum + replicasOf(rs), 0);
export const isRolling = (deployment: KubernetesObject): boolean => deployment['spec'].strategy?.type !== 'Recreate';

/** Absolute or `25%`; surge rounds up, unavailability down, and both zero would stop everything, so one pod may be missing then. */
export function fenceposts(deployment: KubernetesObject): { maxSurge: number; maxUnavailable: number } {
  if (!isRolling(deployment)) return { maxSurge: 0, maxUnavailable: 0 };
  const { maxSurge = '25%', maxUnavailable = '25%' } = deployment['spec'].strategy?.rollingUpdate ?? {};
  const replicas = replicasOf(deployment);
  const surge = resolveAmount(maxSurge, replicas, Math.ceil);
  const unavailable = resolveAmount(maxUnavailable, replicas, Math.floor);
  if (surge === 0 && unavailable === 0) return { maxSurge: 0, maxUnavailable: 1 };
  return { maxSurge: surge, maxUnavailable: Math.min(unavailable, replicas) };
}

export function resolveAmount(amount: number | string, total: number, round: (x: number) => number): number {
  if (typeof amount === 'number') return amount;
  const percent = /^(\d+)%$/.exec(amount);
  if (percent === null) throw new Error(`Cannot read amount "${amount}": wanted an integer or a percentage such as "25%"`);
  return round((Number(percent[1]) * total) / 100);
}

/** Size of the new ReplicaSet as far as the surge allows it now. */
export function newReplicas(deployment: KubernetesObject, all: readonly KubernetesObject[], newSet: KubernetesObject | undefined): number {
  const wanted = replicasOf(deployment);
  if (!isRolling(deployment)) return wanted;
  const current = newSet === undefined ? 0 : replicasOf(newSet);
  const room = wanted + fenceposts(deployment).maxSurge - totalReplicas(all);
  return room <= 0 ? current : current + Math.min(room, wanted - current);
}

/** Rolling update, step one: bring the new set to its size. Empty when it has it. */
export function scaleNew(deployment: KubernetesObject, newSet: KubernetesObject, all: readonly KubernetesObject[]): Scale[] {
  const current = replicasOf(newSet);
  const wanted = replicasOf(deployment);
  if (current === wanted) return [];
  const replicas = current > wanted ? wanted : newReplicas(deployment, all, newSet);
  return replicas === current ? [] : [{ rs: newSet, replicas }];
}

/**
 * Rolling update, step two: take down old pods, the unhealthy ones first, without leaving fewer than
 * `replicas - maxUnavailable` available.
 */
export function scaleOldForRolling(deployment: KubernetesObject, newSet: KubernetesObject, old: readonly KubernetesObject[]): Scale[] {
  const oldSets = byCreation(old.filter((rs) => replicasOf(rs) > 0));
  if (oldSets.length === 0) return [];
  const minAvailable = replicasOf(deployment) - fenceposts(deployment).maxUnavailable;
  const newUnavailable = replicasOf(newSet) - availableOf(newSet);
  const all = [...oldSets, newSet];
  const removable = totalReplicas(all) - minAvailable - newUnavailable;
  if (removable <= 0) return [];
  const size = new Map(oldSets.map((rs) => [rs, replicasOf(rs)]));
  let budget = removable;
  for (const rs of oldSets) {
    const unhealthy = Math.max(0, size.get(rs)! - availableOf(rs));
    const removed = Math.min(budget, unhealthy);
    size.set(rs, size.get(rs)! - removed);
    budget -= removed;
  }
  // A set just made smaller may still report the pods it is about to lose: they are not there to spare.
  let spare = all.reduce((sum, rs) => sum + Math.min(availableOf(rs), replicasOf(rs)), 0) - minAvailable;
  for (const rs of oldSets) {
    if (spare <= 0) break;
    const removed = Math.min(spare, size.get(rs)!);
    size.set(rs, size.get(rs)! - removed);
    spare -= removed;
  }
  return [...size].filter(([rs, replicas]) => replicas !== replicasOf(rs)).map(([rs, replicas]) => ({ rs, replicas }));
}

export const MAX_REPLICAS = 'deployment.kubernetes.io/max-replicas';

/**
 * The Deployment was scaled, perhaps in the middle of a rollout or while paused: one active set takes it all, a finished rollout
 * empties the old ones, otherwise the change is shared in proportion to the sets' sizes.
 */
export function scaleProportionally(
  deployment: KubernetesObject,
  newSet: KubernetesObject | undefined,
  old: readonly KubernetesObject[],
): Scale[] {
  const wanted = replicasOf(deployment);
  const all = [...old, ...(newSet === undefined ? [] : [newSet])];
  const active = all.filter((rs) => replicasOf(rs) > 0);
  if (active.length <= 1) {
    const target = active[0] ?? newSet ?? byCreation(old).at(-1);
    return target === undefined || replicasOf(target) === wanted ? [] : [{ rs: target, replicas: wanted }];
  }
  if (newSet !== undefined && isSaturated(deployment, newSet)) {
    return active.filter((rs) => rs !== newSet).map((rs) => ({ rs, replicas: 0 }));
  }
  if (!isRolling(deployment)) return [];
  const { maxSurge } = fenceposts(deployment);
  const allowed = wanted > 0 ? wanted + maxSurge : 0;
  const toAdd = allowed - totalReplicas(active);
  // The largest set takes the rest; among equals the newest grows and the oldest shrinks.
  const age = byCreation(active);
  const ordered = [...active].sort(
    (a, b) => replicasOf(b) - replicasOf(a) || (toAdd > 0 ? age.indexOf(b) - age.indexOf(a) : age.indexOf(a) - age.indexOf(b)),
  );
  let added = 0;
  const sizes = ordered.map((rs) => {
    const share = toAdd === 0 || toAdd === added ? 0 : proportion(rs, deployment, maxSurge, toAdd - added);
    added += share;
    return replicasOf(rs) + share;
  });
  sizes[0] = Math.max(0, sizes[0]! + toAdd - added);
  return ordered.map((rs, i) => ({ rs, replicas: sizes[i]! })).filter(({ rs, replicas }) => replicas !== replicasOf(rs));
}

function proportion(rs: KubernetesObject, deployment: KubernetesObject, maxSurge: number, left: number): number {
  const wanted = replicasOf(deployment);
  const size = replicasOf(rs);
  let fraction: number;
  if (wanted === 0) fraction = -size;
  else {
    const before = Number(rs.metadata.annotations?.[MAX_REPLICAS]) || (deployment['status']?.replicas ?? 0);
    if (before === 0) return 0;
    fraction = Math.round((size * (wanted + maxSurge)) / before) - size;
  }
  return left > 0 ? Math.min(fraction, left) : Math.max(fraction, left);
}

/** The rollout is over: the new set is asked for everything and all of it is available. */
function isSaturated(deployment: KubernetesObject, newSet: KubernetesObject): boolean {
  const wanted = replicasOf(deployment);
  return (
    replicasOf(newSet) === wanted &&
    Number(newSet.metadata.annotations?.['deployment.kubernetes.io/desired-replicas']) === wanted &&
    availableOf(newSet) === wanted
  );
}

/** Oldest first, names deciding between equals. */
export function byCreation(sets: readonly KubernetesObject[]): KubernetesObject[] {
  const key = (rs: KubernetesObject) => `${rs.metadata.creationTimestamp ?? ''}/${rs.metadata.name}`;
  return [...sets].sort((a, b) => (key(a) < key(b) ? -1 : 1));
}
