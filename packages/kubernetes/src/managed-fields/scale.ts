import type { ManagedFieldsEntry } from '../object.ts';
import { difference, EMPTY, type FieldSet, intersection, isEmpty } from './field-set.ts';
import { identityOf, type Owner, parseOwners, renderOwners } from './managers.ts';

/**
 * Who manages the replicas of an object, seen through its Scale, and back (apimachinery `managedfields.ScaleHandler`): a Scale has
 * no managers of its own, they are those of the object whose field it shows.
 */

const SCALE_VERSION = 'autoscaling/v1';
const REPLICAS_OF_SCALE = pathSet(['spec', 'replicas']);

function pathSet(path: readonly string[]): FieldSet {
  return path.reduceRight<FieldSet>((set, name) => ({ isMember: false, children: new Map([[`f:${name}`, set]]) }), {
    isMember: true,
    children: EMPTY.children,
  });
}

/** @param path of the replicas in the object */
export function managersOfScale(parent: readonly ManagedFieldsEntry[] | undefined, path: readonly string[]): ManagedFieldsEntry[] {
  const replicas = pathSet(path);
  const owners = (parseOwners(parent) ?? []).filter(({ fields }) => !isEmpty(intersection(fields, replicas)));
  return renderOwners(owners.map(({ entry }) => ({ entry: { ...entry, apiVersion: SCALE_VERSION }, fields: REPLICAS_OF_SCALE })));
}

/**
 * The managers of the object after its Scale was written. As in the real server, managers of updates do not keep their time on the
 * way, for the version is part of who they are and a Scale has another one.
 *
 * @param apiVersion of the object, in which new managers are written down
 */
export function managersOfScaled(
  parent: readonly ManagedFieldsEntry[] | undefined,
  scale: readonly ManagedFieldsEntry[] | undefined,
  path: readonly string[],
  apiVersion: string,
): ManagedFieldsEntry[] {
  const replicas = pathSet(path);
  const left = new Map((parseOwners(scale) ?? []).map((owner) => [identityOf(owner.entry), owner]));
  const kept = (parseOwners(parent) ?? []).map((owner): Owner => {
    if (isEmpty(intersection(owner.fields, replicas)) || left.delete(identityOf(owner.entry))) return owner;
    return { ...owner, fields: difference(owner.fields, replicas) };
  });
  const added = [...left.values()]
    .filter(({ fields }) => !isEmpty(intersection(fields, REPLICAS_OF_SCALE)))
    .map(({ entry: { time: _, ...entry } }): Owner => ({ entry: { ...entry, apiVersion }, fields: replicas }));
  return renderOwners([...kept, ...added]);
}
