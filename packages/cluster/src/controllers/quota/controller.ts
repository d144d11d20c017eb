import { isDeepStrictEqual } from 'node:util';
import { addUsage, type GroupVersionResource, type KubernetesObject, quotaCovers, type ResourceList } from '@palisade/kubernetes';
import { objectKey } from '@palisade/kubernetes/client';
import { type Controller, type ControllerContext, createController } from '../runtime/context.ts';
import { deletableResources, Resource, type ServedResource } from '../runtime/resources.ts';

/** Says in each ResourceQuota's status what is used of it. Refusing is the API server's part: it counts by itself. */
export function createResourceQuotaController(
  ctx: ControllerContext,
  { resources }: { resources: () => readonly ServedResource[] },
): Controller {
  const quotas = ctx.informer(Resource.resourceQuotas);
  const controller = createController(ctx, 'resource-quota', sync);
  const { queue } = controller;
  const followed = new Set<string>();
  quotas.onChange((_type, quota) => queue.add(objectKey(quota)));

  /** The cache of a counted type; from its first use on, changes of it are counted again. */
  function follow(type: string, resource: GroupVersionResource) {
    const informer = ctx.informer(resource);
    if (!followed.has(type)) {
      followed.add(type);
      informer.onChange((_type, object) => {
        for (const quota of quotas.list(object.metadata.namespace)) queue.add(objectKey(quota));
      });
    }
    return informer;
  }

  async function sync(key: string): Promise<void> {
    const quota = quotas.get(key);
    if (quota === undefined || quota.metadata.deletionTimestamp !== undefined) return;
    const hard: ResourceList = quota['spec']?.hard ?? {};
    const types = new Set(Object.keys(hard).flatMap((name) => countedType(name) ?? []));
    let used: ResourceList = Object.fromEntries(Object.keys(hard).map((name) => [name, '0']));
    for (const type of types) {
      const resource = resourceOf(type, resources());
      if (resource === undefined) continue;
      const informer = follow(type, resource);
      await informer.hasSynced();
      const counted = informer.list(quota.metadata.namespace).filter((object) => quotaCovers(quota, type, object));
      used = addUsage(used, type, counted);
    }
    const named = Object.fromEntries(Object.keys(hard).map((name) => [name, used[name]!]));
    const status = { hard, used: named };
    if (!isDeepStrictEqual(quota['status'] ?? {}, status)) {
      await ctx.client.update(Resource.resourceQuotas, { ...quota, status } as KubernetesObject, { subresource: 'status' });
    }
  }

  return controller;
}

/** The type of the objects that count for a name in `hard`, as `quotaUsage` calls it. */
function countedType(name: string): string | undefined {
  if (name.startsWith('count/')) return name.slice('count/'.length);
  if (name.startsWith('services.')) return 'services';
  if (name === 'requests.storage' || name.includes('.storageclass.storage.k8s.io/')) return 'persistentvolumeclaims';
  if (/^(requests|limits)\./.test(name) || /^(cpu|memory|ephemeral-storage|hugepages-.*)$/.test(name)) return 'pods';
  return name;
}

function resourceOf(type: string, served: readonly ServedResource[]): GroupVersionResource | undefined {
  return deletableResources(served).find(({ group, resource }) => type === (group === '' ? resource : `${resource}.${group}`));
}
