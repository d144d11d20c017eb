/** Admission plugin ResourceQuota. What is used is counted at the very moment of the write, so two writers never share the last place. */
import { addUsage, forbidden, type KubernetesObject, quotaCovers, quotaRefusal, quotaUsage, subtractResources } from '@palisade/kubernetes';
import type { Core, Scope } from '../core.ts';

/**
 * Must be called in the same tick as the write. A quota that no controller has looked at yet counts already, which the real server
 * leaves open for a moment.
 *
 * @throws StatusError 403
 */
export function admitQuota(core: Core, scope: Scope, object: KubernetesObject, old: KubernetesObject | undefined): void {
  const { storeType, gvr } = scope.resource;
  if (scope.namespace === '' || !isCounted(storeType, scope.subresource, old)) return;
  const quotas = core.store.list('resourcequotas', scope.namespace);
  if (quotas.length === 0) return;
  for (const { object: quota } of quotas) {
    if (!quotaCovers(quota, storeType, object)) continue;
    const covered = function* () {
      for (const entry of core.store.list(storeType, scope.namespace)) if (quotaCovers(quota, storeType, entry.object)) yield entry.object;
    };
    const wanted = quotaUsage(storeType, object);
    const change = old === undefined ? wanted : subtractResources(wanted, quotaUsage(storeType, old));
    const refusal = quotaRefusal(quota, storeType, object, change, () => addUsage({}, storeType, covered()));
    if (refusal !== undefined) throw forbidden(gvr, object.metadata.name ?? '', refusal);
  }
}

/** Pods are weighed when they are made and when they are resized; other kinds on every write of the object itself. */
function isCounted(storeType: string, subresource: string, old: KubernetesObject | undefined): boolean {
  if (storeType === 'pods' && old !== undefined) return subresource === 'resize';
  return subresource === '';
}
