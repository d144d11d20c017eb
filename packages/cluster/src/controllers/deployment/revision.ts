import type { KubernetesObject } from '@palisade/kubernetes';
import { byCreation, fenceposts, MAX_REPLICAS, replicasOf } from './scale.ts';
import { isSameTemplate } from './template.ts';

const REVISION = 'deployment.kubernetes.io/revision';
const REVISION_HISTORY = 'deployment.kubernetes.io/revision-history';
const DESIRED_REPLICAS = 'deployment.kubernetes.io/desired-replicas';

/** Not copied from a Deployment to its ReplicaSets: they describe the one they stand on. */
const OWN_ANNOTATIONS = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  REVISION,
  REVISION_HISTORY,
  DESIRED_REPLICAS,
  MAX_REPLICAS,
  'deprecated.deployment.rollback.to',
]);

export function revisionOf(object: KubernetesObject): number {
  return Number(object.metadata.annotations?.[REVISION]) || 0;
}

export interface SplitSets {
  newSet: KubernetesObject | undefined;
  old: KubernetesObject[];
}

/** The oldest set with the Deployment's template is the new one; all others are old. */
export function splitSets(deployment: KubernetesObject, sets: readonly KubernetesObject[]): SplitSets {
  const newSet = byCreation(sets).find((rs) => isSameTemplate(rs['spec'].template, deployment['spec'].template));
  return { newSet, old: sets.filter((rs) => rs !== newSet) };
}

export function nextRevision(old: readonly KubernetesObject[]): number {
  return old.reduce((most, rs) => Math.max(most, revisionOf(rs)), 0) + 1;
}

/** Annotations that record the Deployment's size on a set, so that a later change of it is noticed. */
export function sizeAnnotations(deployment: KubernetesObject): Record<string, string> {
  const wanted = replicasOf(deployment);
  return { [DESIRED_REPLICAS]: String(wanted), [MAX_REPLICAS]: String(wanted + fenceposts(deployment).maxSurge) };
}

/** What the new set's annotations should be: the Deployment's, the revision, and where it stood before (`rollout undo` reuses sets). */
export function newSetAnnotations(
  deployment: KubernetesObject,
  newSet: KubernetesObject | undefined,
  revision: number,
): Record<string, string> {
  const annotations: Record<string, string> = { ...newSet?.metadata.annotations };
  for (const [key, value] of Object.entries(deployment.metadata.annotations ?? {})) if (!OWN_ANNOTATIONS.has(key)) annotations[key] = value;
  const before = newSet === undefined ? 0 : revisionOf(newSet);
  if (before < revision) {
    annotations[REVISION] = String(revision);
    if (before > 0) {
      const history = (annotations[REVISION_HISTORY] ?? '').split(',').filter((entry) => entry !== '' && entry !== String(before));
      annotations[REVISION_HISTORY] = [...history, String(before)].join(',');
    }
  }
  if (newSet === undefined) Object.assign(annotations, sizeAnnotations(deployment));
  return annotations;
}

/** Empty old sets beyond `revisionHistoryLimit` (default 10), lowest revision first. */
export function expiredSets(deployment: KubernetesObject, old: readonly KubernetesObject[]): KubernetesObject[] {
  const limit = deployment['spec'].revisionHistoryLimit ?? 10;
  const alive = old.filter((rs) => rs.metadata.deletionTimestamp === undefined).sort((a, b) => revisionOf(a) - revisionOf(b));
  return alive.slice(0, Math.max(0, alive.length - limit)).filter(isEmptyForGood);
}

function isEmptyForGood(rs: KubernetesObject): boolean {
  const status = rs['status'] ?? {};
  return replicasOf(rs) === 0 && (status.replicas ?? 0) === 0 && (rs.metadata.generation ?? 0) <= (status.observedGeneration ?? 0);
}
