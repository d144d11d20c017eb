import { isDeepStrictEqual } from 'node:util';
import { type KubernetesObject, managersAfterUpdate, SchemaRegistry } from '@palisade/kubernetes';
import type { Core } from '../../core.ts';
import { builtinModel } from '../builtin-model.ts';
import { formatTime } from '../time.ts';

const DEFINITIONS = 'customresourcedefinitions.apiextensions.k8s.io';
const DEFINITION = { group: 'apiextensions.k8s.io', version: 'v1', kind: 'CustomResourceDefinition' };

interface Names {
  readonly plural: string;
  readonly singular?: string;
  readonly kind: string;
  readonly listKind?: string;
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
}

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  readonly lastTransitionTime?: string;
}

/**
 * Gives the definitions of a group the names that are free, and establishes those that have all of theirs (apiextensions
 * `controller/status` and `controller/establish`): after every write, for a name that was let go may be another one's wish. It is
 * done before the write is answered, so that what was defined is served to whoever heard the answer, which shows it as it was sent.
 */
export function settleNames(core: Core, group: string): void {
  for (const entry of core.store.list(DEFINITIONS)) {
    const definition = entry.object;
    if (definition['spec']?.group !== group) continue;
    const status = settledStatus(definition, takenBy(core, group, entry.name), formatTime(core.clock()));
    if (isDeepStrictEqual(status, definition['status'])) continue;
    const next = { ...definition, metadata: { ...definition.metadata }, status };
    const writer = {
      manager: 'kube-apiserver',
      apiVersion: 'apiextensions.k8s.io/v1',
      subresource: 'status',
      time: formatTime(core.clock()),
      leaves: [],
    };
    const shape = builtinModel(SchemaRegistry.builtin(), DEFINITION).shape();
    const managers = managersAfterUpdate(shape, definition, next, undefined, writer);
    if (managers.length > 0) next.metadata.managedFields = managers;
    core.store.update(DEFINITIONS, '', entry.name, next, entry.rv);
  }
}

interface Taken {
  readonly resources: ReadonlySet<string>;
  readonly kinds: ReadonlySet<string>;
}

/** What the other definitions of the group are called. */
function takenBy(core: Core, group: string, own: string): Taken {
  const accepted = core.store
    .list(DEFINITIONS)
    .filter(({ object, name }) => object['spec']?.group === group && name !== own)
    .map(({ object }) => object['status']?.acceptedNames as Names | undefined);
  const names = (of: (one: Names) => readonly (string | undefined)[]) =>
    new Set(accepted.flatMap((one) => (one === undefined ? [] : of(one))).filter((name) => name !== undefined));
  return {
    resources: names(({ plural, singular, shortNames = [] }) => [plural, singular, ...shortNames]),
    kinds: names(({ kind, listKind }) => [kind, listKind]),
  };
}

/** Names that are new and free are accepted, one that is taken is told by the last condition that says so. */
function settledStatus(definition: KubernetesObject, { resources, kinds }: Taken, now: string): Record<string, unknown> {
  const wanted = definition['spec'].names as Names;
  const before: Names = definition['status']?.acceptedNames ?? { plural: '', kind: '' };
  let conflict: Pick<Condition, 'reason' | 'message'> | undefined;
  const isFree = (reason: string, name: string | undefined, accepted: string | undefined, taken: ReadonlySet<string>): boolean => {
    if (!name || name === accepted || !taken.has(name)) return true;
    conflict = { reason, message: `${JSON.stringify(name)} is already in use` };
    return false;
  };
  const choose = (field: 'plural' | 'singular' | 'kind' | 'listKind', taken: ReadonlySet<string>) => {
    const reason = `${field[0]!.toUpperCase()}${field.slice(1)}Conflict`;
    return isFree(reason, wanted[field], before[field], taken) ? wanted[field] : before[field];
  };
  const plural = choose('plural', resources);
  const singular = choose('singular', resources);
  const shorts = wanted.shortNames ?? [];
  const areShortsFree = shorts
    .map((name) => isFree('ShortNamesConflict', name, before.shortNames?.includes(name) === true ? name : undefined, resources))
    .every(Boolean);
  const shortNames = areShortsFree ? shorts : (before.shortNames ?? []);
  const kind = choose('kind', kinds);
  const listKind = choose('listKind', kinds);
  const acceptedNames = {
    plural,
    ...(singular ? { singular } : {}),
    ...(shortNames.length > 0 ? { shortNames } : {}),
    kind,
    ...(listKind ? { listKind } : {}),
    ...(wanted.categories?.length ? { categories: wanted.categories } : {}),
  };
  const accepted =
    conflict === undefined
      ? { type: 'NamesAccepted', status: 'True', reason: 'NoConflicts', message: 'no conflicts found' }
      : { type: 'NamesAccepted', status: 'False', ...conflict };
  let conditions = withCondition(definition['status']?.conditions ?? [], accepted, now);
  // Once established is for ever.
  if (!conditions.some(({ type, status }) => type === 'Established' && status === 'True')) {
    const established =
      conflict === undefined
        ? { status: 'True', reason: 'InitialNamesAccepted', message: 'the initial names have been accepted' }
        : { status: 'False', reason: 'NotAccepted', message: 'not all names are accepted' };
    conditions = withCondition(conditions, { type: 'Established', ...established }, now);
  }
  return { ...definition['status'], conditions, acceptedNames };
}

/** In its place, or behind the others; the time is that of the last change of its status. */
export function withCondition(conditions: readonly Condition[], condition: Condition, now: string): Condition[] {
  const index = conditions.findIndex(({ type }) => type === condition.type);
  const before = conditions[index];
  const lastTransitionTime = before?.status === condition.status ? (before.lastTransitionTime ?? now) : now;
  const { type, status, reason, message } = condition;
  const next = { type, status, lastTransitionTime, reason, message };
  return before === undefined ? [...conditions, next] : conditions.with(index, next);
}
