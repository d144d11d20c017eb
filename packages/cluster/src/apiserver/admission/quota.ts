/** Admission plugin ResourceQuota. What is used is counted at the very moment of the write, so two writers never share the last place. */
import {
  addQuantity,
  addUsage,
  compareQuantity,
  forbidden,
  type KubernetesObject,
  quotaCovers,
  quotaRefusal,
  quotaUsage,
  type ResourceList,
  subtractResources,
} from '@palisade/kubernetes';
import type { Core, Scope } from '../core.ts';
import type { Entry } from '../store/entry.ts';

/**
 * Must be called in the same tick as the write, and what it returns right after: that writes down in each quota what is used of it now.
 * What is used is what the quota says, or what there is if that is more: a quota that no controller has looked at yet counts already,
 * and one that its controller counted a moment too early lets nobody slip in, which the real server both leaves open.
 *
 * @throws StatusError 403
 */
export function admitQuota(core: Core, scope: Scope, object: KubernetesObject, old: KubernetesObject | undefined): () => void {
  const { storeType, gvr } = scope.resource;
  if (scope.namespace === '' || !isCounted(storeType, scope.subresource, old)) return () => {};
  const charges: (() => void)[] = [];
  for (const entry of core.store.list('resourcequotas', scope.namespace)) {
    const quota = entry.object;
    if (!quotaCovers(quota, storeType, object)) continue;
    const covered = function* () {
      for (const other of core.store.list(storeType, scope.namespace)) if (quotaCovers(quota, storeType, other.object)) yield other.object;
    };
    const wanted = quotaUsage(storeType, object);
    const change = old === undefined ? wanted : subtractResources(wanted, quotaUsage(storeType, old));
    let used: ResourceList | undefined;
    const count = () => {
      used ??= larger(quota['status']?.used ?? {}, addUsage({}, storeType, covered()));
      return used;
    };
    const refusal = quotaRefusal(quota, storeType, object, change, count);
    if (refusal !== undefined) throw forbidden(gvr, object.metadata.name ?? '', refusal);
    if (used !== undefined && quota['status']?.hard !== undefined) charges.push(() => charge(core, entry, change));
  }
  return () => {
    for (const one of charges) one();
  };
}

function larger(a: ResourceList, b: ResourceList): ResourceList {
  const all: Record<string, string> = { ...a };
  for (const [name, quantity] of Object.entries(b)) if (compareQuantity(quantity, a[name] ?? '0') > 0) all[name] = quantity;
  return all;
}

function charge(core: Core, { object, namespace, name, rv }: Entry, change: ResourceList): void {
  const { hard, used } = object['status'] as { hard: ResourceList; used?: ResourceList };
  const now: Record<string, string> = { ...used };
  for (const resource of Object.keys(hard))
    if (change[resource] !== undefined) now[resource] = addQuantity(now[resource] ?? '0', change[resource]);
  core.store.update('resourcequotas', namespace, name, { ...object, status: { ...object['status'], used: now } }, rv);
}

/** Pods are weighed when they are made and when they are resized; other kinds on every write of the object itself. */
function isCounted(storeType: string, subresource: string, old: KubernetesObject | undefined): boolean {
  if (storeType === 'pods' && old !== undefined) return subresource === 'resize';
  return subresource === '';
}
