import { isStatusError, type KubernetesObject } from '@palisade/kubernetes';
import { objectKey } from '@palisade/kubernetes/client';
import { type Controller, type ControllerContext, createController } from '../runtime/context.ts';
import { ignoreMissing } from '../runtime/errors.ts';
import { keyOf } from '../runtime/ownership.ts';
import type { Condition } from '../runtime/pods.ts';
import { deletableResources, Resource, type ServedResource } from '../runtime/resources.ts';
import { type ContentReport, emptyReport, isEmptied, namespaceConditions, noteRemaining } from './decide.ts';

/** How often a namespace is looked at while something in it takes its time (a pod's grace period, a finalizer). */
const RECHECK_MS = 1000;

/** Empties namespaces that were told to go, then lets them go (`spec.finalizers: [kubernetes]`). */
export function createNamespaceController(ctx: ControllerContext, options: { resources: () => readonly ServedResource[] }): Controller {
  const { client, clock } = ctx;
  const namespaces = ctx.informer(Resource.namespaces);
  const pods = ctx.informer(Resource.pods);
  const controller = createController(ctx, 'namespace', sync, { concurrency: 4 });
  const { queue } = controller;

  namespaces.onChange((_type, namespace) => {
    if (namespace.metadata.deletionTimestamp !== undefined) queue.add(objectKey(namespace));
  });
  // Pods are what a namespace most often waits for.
  pods.onChange((type, pod) => {
    const name = String(pod.metadata.namespace);
    if (type === 'DELETED' && namespaces.get(name)?.metadata.deletionTimestamp !== undefined) queue.add(name);
  });

  async function sync(name: string): Promise<number | undefined> {
    const cached = namespaces.get(name);
    if (cached?.metadata.deletionTimestamp === undefined) return undefined;
    let namespace: KubernetesObject;
    try {
      namespace = await client.get(Resource.namespaces, { name });
    } catch (error) {
      if (isStatusError(error, 'NotFound')) return undefined;
      throw error;
    }
    const finalizers: string[] = namespace['spec']?.finalizers ?? [];
    if (namespace.metadata.deletionTimestamp === undefined || !finalizers.includes('kubernetes')) return undefined;
    const report = emptyReport();
    for (const resource of deletableResources(options.resources())) if (resource.namespaced) await empty(name, resource, report);
    const before: Condition[] = namespace['status']?.conditions ?? [];
    const conditions = namespaceConditions(before, report, clock.now());
    if (conditions !== before) {
      const status = { ...namespace['status'], phase: 'Terminating', conditions };
      namespace = await client.update(Resource.namespaces, { ...namespace, status }, { subresource: 'status' });
    }
    if (!isEmptied(report)) return RECHECK_MS;
    const rest = finalizers.filter((finalizer) => finalizer !== 'kubernetes');
    await client.update(
      Resource.namespaces,
      { ...namespace, spec: { ...namespace['spec'], finalizers: rest } },
      { subresource: 'finalize' },
    );
    return undefined;
  }

  async function empty(namespace: string, resource: ServedResource, report: ContentReport): Promise<void> {
    const name = resource.group === '' ? `${resource.resource}.` : `${resource.resource}.${resource.group}`;
    try {
      const found = (await client.list(resource, { namespace })).items;
      if (found.length === 0) return;
      for (const object of found) {
        if (object.metadata.deletionTimestamp === undefined)
          await ignoreMissing(client.delete(resource, keyOf(object), { propagationPolicy: 'Background' }));
      }
      noteRemaining(report, name, (await client.list(resource, { namespace })).items);
    } catch (error) {
      report.errors.push(`${name}: ${(error as Error).message}`);
    }
  }

  return controller;
}
