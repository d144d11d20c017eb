import { applyConflict, invalid } from '../errors.ts';
import type { KubernetesObject, ManagedFieldsEntry } from '../object.ts';
import type { StatusCause } from '../status.ts';
import {
  difference,
  EMPTY,
  type FieldSet,
  fieldsOf,
  filterTop,
  intersection,
  isEmpty,
  parseFields,
  renderFields,
  renderPaths,
  union,
} from './field-set.ts';
import { compare, merge, prune } from './merge.ts';
import type { Shape } from './shape.ts';

/** Who writes, by what kind of request. */
export interface Writer {
  readonly manager: string;
  readonly apiVersion: string;
  /** Empty for the object itself. */
  readonly subresource: string;
  /** RFC 3339, seconds. */
  readonly time: string;
  /** Top fields that this request leaves as they are, whatever it says of them. */
  readonly leaves: readonly string[];
}

export interface Owner {
  readonly entry: ManagedFieldsEntry;
  readonly fields: FieldSet;
}

/** More managers of plain updates than this are folded together, the oldest first, as in the real server. */
const MAX_UPDATE_MANAGERS = 10;
const ANCIENT = 'ancient-changes';

/** Fields nobody owns: the server's. */
const UNOWNED_TOP = new Set(['f:apiVersion', 'f:kind']);
const UNOWNED_META = new Set(
  'name,namespace,uid,creationTimestamp,selfLink,resourceVersion,generation,managedFields,clusterName'
    .split(',')
    .map((name) => `f:${name}`),
);

function owned(set: FieldSet, { subresource, leaves }: Writer): FieldSet {
  return filterTop(set, (first, second) => {
    if (UNOWNED_TOP.has(first)) return false;
    if (first === 'f:metadata') return second !== '' && !UNOWNED_META.has(second);
    if (leaves.includes(first.slice(2))) return false;
    return first === 'f:status' || subresource !== 'status';
  });
}

export function parseOwners(entries: readonly ManagedFieldsEntry[] | undefined): Owner[] | undefined {
  const owners: Owner[] = [];
  for (const entry of entries ?? []) {
    const fields = parseFields(entry.fieldsV1 ?? {});
    if (fields === undefined || (entry.operation !== 'Apply' && entry.operation !== 'Update') || !entry.apiVersion) return undefined;
    owners.push({ entry, fields });
  }
  return owners;
}

export function renderOwners(owners: readonly Owner[]): ManagedFieldsEntry[] {
  const sorted = owners
    .filter(({ fields }) => !isEmpty(fields))
    .toSorted(
      (a, b) =>
        compareText(a.entry.operation, b.entry.operation) ||
        compareText(a.entry.time, b.entry.time) ||
        compareText(a.entry.manager, b.entry.manager) ||
        compareText(a.entry.apiVersion, b.entry.apiVersion) ||
        compareText(a.entry.subresource, b.entry.subresource),
    );
  return sorted.map(({ entry: { manager, operation, apiVersion, time, subresource }, fields }) => ({
    ...(manager ? { manager } : {}),
    operation: operation!,
    apiVersion: apiVersion!,
    ...(time ? { time } : {}),
    fieldsType: 'FieldsV1',
    fieldsV1: renderFields(fields),
    ...(subresource ? { subresource } : {}),
  }));
}

const compareText = (a = '', b = ''): number => (a < b ? -1 : a > b ? 1 : 0);

/** What makes two entries the same manager's: whoever applies is the same in every version. */
export function identityOf({ manager, operation, apiVersion, subresource }: ManagedFieldsEntry): string {
  return JSON.stringify({ manager, operation, ...(operation === 'Update' ? { apiVersion } : {}), ...(subresource ? { subresource } : {}) });
}

function isBy({ entry }: Owner, operation: 'Apply' | 'Update', { manager, apiVersion, subresource }: Writer): boolean {
  return (
    entry.operation === operation &&
    (entry.manager ?? '') === manager &&
    (entry.subresource ?? '') === subresource &&
    (operation === 'Apply' || entry.apiVersion === apiVersion)
  );
}

/**
 * The managers after a create, update or patch: what changed is the writer's and nobody else's, what went is nobody's.
 *
 * @param before the stored object, for a new one an empty one
 * @param given `metadata.managedFields` of the request: they replace the stored ones where they can be read and are not empty
 */
export function managersAfterUpdate(
  shape: Shape,
  before: KubernetesObject,
  after: KubernetesObject,
  given: readonly ManagedFieldsEntry[] | undefined,
  writer: Writer,
): ManagedFieldsEntry[] {
  // A list of one empty entry is how a client asks for a fresh start.
  if (given?.length === 1 && Object.keys(given[0]!).length === 0) return [];
  const chosen =
    writer.subresource === '' && given?.length
      ? (parseOwners(given) ?? parseOwners(before.metadata.managedFields))
      : parseOwners(before.metadata.managedFields);
  let owners = chosen ?? [];
  // What nobody managed so far is not tracked because of an update.
  if (owners.length === 0 && before.metadata.uid !== undefined) return [];
  const { changed, removed } = compare(shape, before, after);
  const touched = owned(changed, writer);
  const gone = union(touched, removed);
  const last = owners.find((owner) => isBy(owner, 'Update', writer));
  owners = owners.filter((owner) => owner !== last).map((owner) => ({ ...owner, fields: difference(owner.fields, gone) }));
  const fields = difference(union(last?.fields ?? EMPTY, touched), removed);
  const { manager, apiVersion, subresource } = writer;
  const time = isEmpty(touched) ? last?.entry.time : writer.time;
  const own: Owner = { entry: { manager, operation: 'Update', apiVersion, subresource, ...(time === undefined ? {} : { time }) }, fields };
  return renderOwners(fold([...owners, own]));
}

/** Of too many managers of updates the oldest are put together, one bucket for each version they wrote. */
function fold(owners: readonly Owner[]): readonly Owner[] {
  const updates = owners
    .filter(({ entry, fields }) => entry.operation === 'Update' && !isEmpty(fields))
    .toSorted((a, b) => compareText(a.entry.time, b.entry.time) || compareText(identityOf(a.entry), identityOf(b.entry)));
  let excess = updates.length - MAX_UPDATE_MANAGERS;
  const kept = new Set(owners);
  const buckets = new Map<string, Owner>();
  for (const owner of updates) {
    if (excess <= 0) break;
    const apiVersion = owner.entry.apiVersion!;
    const bucket = buckets.get(apiVersion);
    kept.delete(owner);
    const isFirst = bucket === undefined;
    const entry: ManagedFieldsEntry = isFirst ? owner.entry : { manager: ANCIENT, operation: 'Update', apiVersion, ...timeOf(owner) };
    const merged: Owner = { entry, fields: isFirst ? owner.fields : union(bucket.fields, owner.fields) };
    if (!isFirst) {
      kept.delete(bucket);
      excess--;
    }
    kept.add(merged);
    buckets.set(apiVersion, merged);
  }
  return [...kept];
}

const timeOf = ({ entry: { time } }: Owner): { time?: string } => (time === undefined ? {} : { time });

/**
 * Server-side apply: `config` over the stored object, without what this manager applied before and does not any more.
 *
 * @param live absent when the object is new
 * @returns the object, `metadata.managedFields` set; not defaulted yet
 * @throws StatusError 409 when another manager owns a field with another value and `force` is not set
 */
export function applyConfiguration(
  shape: Shape,
  live: KubernetesObject | undefined,
  config: KubernetesObject,
  writer: Writer,
  force: boolean,
): KubernetesObject {
  const spoken = fieldsOf(shape, config);
  const fields = owned(spoken, writer);
  let owners = parseOwners(live?.metadata.managedFields) ?? [];
  if (live !== undefined && owners.length === 0) owners = [firstOwner(shape, live, writer)];
  const last = owners.find((owner) => isBy(owner, 'Apply', writer));
  owners = owners.filter((owner) => owner !== last);
  const { manager, apiVersion, subresource } = writer;
  let time: string | undefined = writer.time;
  let object = live === undefined ? structuredClone(config) : (merge(shape, live, config) as KubernetesObject);
  if (live !== undefined) {
    if (last !== undefined) {
      const all = owners.reduce((sum, owner) => union(sum, owner.fields), spoken);
      object = prune(shape, object, last.fields, all) as KubernetesObject;
    }
    const { changed, removed } = compare(shape, live, object);
    // When it last changed something, not when it last said something.
    if (isEmpty(changed) && isEmpty(removed)) time = last?.entry.time;
    const conflicts = owners
      .toSorted((a, b) => compareText(identityOf(a.entry), identityOf(b.entry)))
      .map((owner) => ({ owner, lost: intersection(owner.fields, changed) }))
      .filter(({ lost }) => !isEmpty(lost));
    if (conflicts.length > 0 && !force) throw conflictOf(conflicts);
    const gone = union(changed, removed);
    owners = owners.map((owner) => ({ ...owner, fields: difference(owner.fields, gone) }));
  }
  const own: Owner = { entry: { manager, operation: 'Apply', apiVersion, subresource, ...(time === undefined ? {} : { time }) }, fields };
  return { ...object, metadata: { ...object.metadata, managedFields: renderOwners([...owners, own]) } };
}

/** Fields of an object that nobody manages yet belong to whoever was there before the first apply. */
function firstOwner(shape: Shape, live: KubernetesObject, writer: Writer): Owner {
  const { apiVersion, kind } = live;
  const { changed } = compare(shape, { apiVersion, kind, metadata: {} }, live);
  const entry: ManagedFieldsEntry = {
    manager: 'before-first-apply',
    operation: 'Update',
    apiVersion: writer.apiVersion,
    time: writer.time,
    subresource: writer.subresource,
  };
  return { entry, fields: owned(changed, writer) };
}

function describe({ manager = '', operation, apiVersion, subresource }: ManagedFieldsEntry): string {
  if (operation !== 'Update') return JSON.stringify(manager);
  return `${JSON.stringify(manager)}${subresource ? ` with subresource ${JSON.stringify(subresource)}` : ''} using ${apiVersion}`;
}

function conflictOf(conflicts: readonly { owner: Owner; lost: FieldSet }[]) {
  const causes: StatusCause[] = conflicts.flatMap(({ owner, lost }) =>
    renderPaths(lost).map((field) => ({ reason: 'FieldManagerConflict', message: `conflict with ${describe(owner.entry)}`, field })),
  );
  if (causes.length === 1) return applyConflict(causes, `${causes[0]!.message}: ${causes[0]!.field}`);
  const lines = conflicts.map(
    ({ owner, lost }) =>
      `conflicts with ${describe(owner.entry)}:\n${renderPaths(lost)
        .map((path) => `- ${path}`)
        .join('\n')}`,
  );
  return applyConflict(causes, lines.join('\n'));
}

/** @throws StatusError 422 when an apply patch does not say who applies */
export function requireManager(manager: string): void {
  if (manager !== '') return;
  const cause = { reason: 'FieldValueRequired', message: 'Required value: is required for apply patch', field: 'fieldManager' };
  throw invalid({ group: 'meta.k8s.io', kind: 'PatchOptions' }, '', [cause]);
}
