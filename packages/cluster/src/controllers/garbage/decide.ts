import type { KubernetesObject, OwnerReference } from '@palisade/kubernetes';

export const FOREGROUND = 'foregroundDeletion';
export const ORPHAN = 'orphan';

/** An owner as it was found: alive, being deleted in the foreground (so waiting for this object), gone, or of an unknown kind. */
export type OwnerState = 'solid' | 'waiting' | 'absent' | 'unresolvable';

export type GarbageDecision =
  | { action: 'keep' }
  /** Some owners are gone: their references go, the object stays. */
  | { action: 'unreference'; uids: string[] }
  | { action: 'delete'; propagationPolicy: 'Background' | 'Foreground' | 'Orphan' };

/**
 * What becomes of an object that names owners. One living owner keeps it; an owner that nobody can look up keeps it too; without
 * any it goes, in the foreground when an owner waits for it and others depend on it in turn.
 *
 * @param hasDependents other objects name this one as their owner
 */
export function decideGarbage(object: KubernetesObject, states: ReadonlyMap<string, OwnerState>, hasDependents: boolean): GarbageDecision {
  const references = object.metadata.ownerReferences ?? [];
  if (references.length === 0 || object.metadata.deletionTimestamp !== undefined) return { action: 'keep' };
  const withState = (...wanted: OwnerState[]) =>
    references.filter((reference) => wanted.includes(states.get(reference.uid) ?? 'unresolvable'));
  if (withState('unresolvable').length > 0) return { action: 'keep' };
  const gone = withState('absent', 'waiting');
  if (withState('solid').length > 0) {
    return gone.length === 0 ? { action: 'keep' } : { action: 'unreference', uids: gone.map((reference) => reference.uid) };
  }
  if (withState('waiting').length > 0 && hasDependents) return { action: 'delete', propagationPolicy: 'Foreground' };
  const finalizers = object.metadata.finalizers ?? [];
  return {
    action: 'delete',
    propagationPolicy: finalizers.includes(ORPHAN) ? 'Orphan' : finalizers.includes(FOREGROUND) ? 'Foreground' : 'Background',
  };
}

export function isDeletedWith(object: KubernetesObject, finalizer: typeof FOREGROUND | typeof ORPHAN): boolean {
  return object.metadata.deletionTimestamp !== undefined && (object.metadata.finalizers?.includes(finalizer) ?? false);
}

/** Dependents that hold their owner in a foreground deletion. */
export function isBlocking(dependent: KubernetesObject, ownerUid: string): boolean {
  return (
    dependent.metadata.ownerReferences?.some((reference) => reference.uid === ownerUid && reference.blockOwnerDeletion === true) ?? false
  );
}

/** Group of a reference's apiVersion: empty for `v1`. */
export function referenceGroup(reference: OwnerReference): string {
  const slash = reference.apiVersion.indexOf('/');
  return slash === -1 ? '' : reference.apiVersion.slice(0, slash);
}
