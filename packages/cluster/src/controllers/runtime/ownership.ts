import { type ApiClient, type GroupVersionResource, type KubernetesObject, type OwnerReference, PatchType } from '@palisade/kubernetes';

/** The one owner that manages the object (`controller: true`). */
export function controllerOf(object: KubernetesObject): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((reference) => reference.controller === true);
}

export function isControlledBy(object: KubernetesObject, owner: KubernetesObject): boolean {
  return controllerOf(object)?.uid === owner.metadata.uid;
}

export function controllerReference(owner: KubernetesObject): OwnerReference {
  return {
    apiVersion: owner.apiVersion,
    kind: owner.kind,
    name: String(owner.metadata.name),
    uid: String(owner.metadata.uid),
    controller: true,
    blockOwnerDeletion: true,
  };
}

/** Index function: the uid of the controlling owner. */
export function controllerUid(object: KubernetesObject): string[] {
  const owner = controllerOf(object);
  return owner === undefined ? [] : [owner.uid];
}

export interface Claims<T> {
  owned: T[];
  adopt: T[];
  release: T[];
}

/**
 * Which objects belong to `owner`: its own that still match the selector; orphans that match are adopted; its own that no longer
 * match are released. An owner being deleted neither adopts nor releases.
 */
export function decideClaims<T extends KubernetesObject>(
  owner: KubernetesObject,
  matches: (object: T) => boolean,
  objects: readonly T[],
): Claims<T> {
  const claims: Claims<T> = { owned: [], adopt: [], release: [] };
  const isDeleting = owner.metadata.deletionTimestamp !== undefined;
  for (const object of objects) {
    const controller = controllerOf(object);
    if (controller !== undefined && controller.uid !== owner.metadata.uid) continue;
    if (controller !== undefined) {
      if (matches(object)) claims.owned.push(object);
      else if (!isDeleting) claims.release.push(object);
    } else if (!isDeleting && object.metadata.deletionTimestamp === undefined && matches(object)) claims.adopt.push(object);
  }
  return claims;
}

/** Performs the claims; an object that changed meanwhile fails with a conflict and is met again at the retry. */
export async function applyClaims<T extends KubernetesObject>(
  client: ApiClient,
  resource: GroupVersionResource,
  ownerResource: GroupVersionResource,
  owner: KubernetesObject,
  claims: Claims<T>,
): Promise<T[]> {
  const owned = [...claims.owned];
  if (claims.adopt.length > 0) {
    const live = await client.get(ownerResource, keyOf(owner));
    // The cache may show an owner that was deleted, perhaps made again: that one must not adopt.
    if (live.metadata.uid === owner.metadata.uid && live.metadata.deletionTimestamp === undefined) {
      for (const object of claims.adopt) {
        const references = [...(object.metadata.ownerReferences ?? []), controllerReference(owner)];
        owned.push(await patchReferences(client, resource, object, references));
      }
    }
  }
  for (const object of claims.release) {
    const references = (object.metadata.ownerReferences ?? []).filter((reference) => reference.uid !== owner.metadata.uid);
    await patchReferences(client, resource, object, references);
  }
  return owned;
}

export function patchReferences<T extends KubernetesObject>(
  client: ApiClient,
  resource: GroupVersionResource,
  object: T,
  ownerReferences: OwnerReference[],
): Promise<T> {
  const { uid, resourceVersion } = object.metadata;
  return client.patch<T>(resource, keyOf(object), PatchType.merge, { metadata: { uid, resourceVersion, ownerReferences } });
}

/** Address of an object in the API. */
export function keyOf(object: KubernetesObject): { namespace?: string; name: string } {
  const { namespace, name } = object.metadata;
  return { name: String(name), ...(namespace === undefined ? {} : { namespace }) };
}
