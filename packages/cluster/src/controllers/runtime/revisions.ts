import { type ApiClient, isStatusError, type KubernetesObject } from '@palisade/kubernetes';
import { isSameTemplate, templateHash } from '../deployment/template.ts';
import { ignoreMissing } from './errors.ts';
import { controllerReference, isControlledBy, keyOf } from './ownership.ts';
import { Resource } from './resources.ts';

/** Label of a ControllerRevision and of the pods made from it. */
export const REVISION_HASH = 'controller-revision-hash';

export function templateOf(revision: KubernetesObject): KubernetesObject {
  const { $patch: _, ...template } = revision['data']?.spec?.template ?? {};
  return template as KubernetesObject;
}

/**
 * The revision that holds the owner's template: an existing one, raised to the newest when the user went back to it, or a new one.
 *
 * @param revisions the owner's revisions
 */
function decideRevision(
  owner: KubernetesObject,
  revisions: readonly KubernetesObject[],
): { found?: KubernetesObject; raiseTo?: number; create?: KubernetesObject } {
  const { template } = owner['spec'];
  const newest = revisions.reduce((most, revision) => Math.max(most, revision['revision'] ?? 0), 0);
  const found = revisions
    .filter((revision) => isSameTemplate(templateOf(revision), template))
    .sort((a, b) => b['revision'] - a['revision'])[0];
  if (found !== undefined) return found['revision'] === newest ? { found } : { found, raiseTo: newest + 1 };
  const hash = templateHash(template, owner['status']?.collisionCount ?? 0);
  return {
    create: {
      apiVersion: 'apps/v1',
      kind: 'ControllerRevision',
      metadata: {
        name: `${owner.metadata.name}-${hash}`,
        namespace: String(owner.metadata.namespace),
        labels: { ...template.metadata?.labels, [REVISION_HASH]: hash },
        ...(owner.metadata.annotations === undefined ? {} : { annotations: withoutLastApplied(owner.metadata.annotations) }),
        ownerReferences: [controllerReference(owner)],
      },
      // The form that `kubectl rollout undo` sends back as a strategic merge patch.
      data: { spec: { template: { ...template, $patch: 'replace' } } },
      revision: newest + 1,
    },
  };
}

function withoutLastApplied(annotations: Record<string, string>): Record<string, string> {
  const { 'kubectl.kubernetes.io/last-applied-configuration': _, ...rest } = annotations;
  return rest;
}

/** Old revisions beyond `revisionHistoryLimit` (default 10) that no pod uses any more. */
export function expiredRevisions(
  owner: KubernetesObject,
  revisions: readonly KubernetesObject[],
  isUsed: (revision: KubernetesObject) => boolean,
): KubernetesObject[] {
  const limit = owner['spec'].revisionHistoryLimit ?? 10;
  const unused = revisions.filter((revision) => !isUsed(revision)).sort((a, b) => a['revision'] - b['revision']);
  return unused.slice(0, Math.max(0, unused.length - limit));
}

/** Performs `decideRevision`. @throws when a foreign object holds the name: the owner's collisionCount must grow */
export async function applyRevision(
  client: ApiClient,
  owner: KubernetesObject,
  revisions: readonly KubernetesObject[],
): Promise<KubernetesObject> {
  const { found, raiseTo, create } = decideRevision(owner, revisions);
  if (found !== undefined)
    return raiseTo === undefined ? found : client.update(Resource.controllerRevisions, { ...found, revision: raiseTo });
  try {
    return await client.create(Resource.controllerRevisions, create!);
  } catch (error) {
    if (!isStatusError(error, 'AlreadyExists')) throw error;
    const present = await client.get(Resource.controllerRevisions, keyOf(create!));
    if (!isControlledBy(present, owner) || !isSameTemplate(templateOf(present), owner['spec'].template)) throw error;
    return present;
  }
}

export async function removeRevisions(client: ApiClient, revisions: readonly KubernetesObject[]): Promise<void> {
  for (const revision of revisions) await ignoreMissing(client.delete(Resource.controllerRevisions, keyOf(revision)));
}
