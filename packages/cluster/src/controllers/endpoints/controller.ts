import { type KubernetesObject, matchLabelSelector } from '@palisade/kubernetes';
import { objectKey, splitKey } from '@palisade/kubernetes/client';
import { type Controller, type ControllerContext, createController } from '../runtime/context.ts';
import { ignoreMissing } from '../runtime/errors.ts';
import { keyOf } from '../runtime/ownership.ts';
import { Resource } from '../runtime/resources.ts';
import { decideEndpoints } from './endpoint.ts';
import { isSameEndpoints, renderEndpoints } from './legacy.ts';
import { decideSlices, MANAGED_BY, MANAGER, SERVICE_NAME } from './slices.ts';

/** Publishes which pods stand behind a Service: EndpointSlices, and the Endpoints object of old. Services without selector are left alone. */
export function createEndpointsController(ctx: ControllerContext): Controller {
  const { client } = ctx;
  const services = ctx.informer(Resource.services);
  const pods = ctx.informer(Resource.pods);
  const slices = ctx.informer(Resource.endpointSlices);
  const endpoints = ctx.informer(Resource.endpoints);
  const nodes = ctx.informer(Resource.nodes);
  const controller = createController(ctx, 'endpoints', sync, { concurrency: 4 });
  const { queue } = controller;
  /** Slices written and not yet seen in the cache, per service: counting without them would make doubles. */
  const unseen = new Map<string, Set<string>>();

  slices.addIndex('service', (slice) => (isOurs(slice) ? [sliceService(slice)] : []));
  services.onChange((_type, service) => queue.add(objectKey(service)));
  pods.onChange((_type, pod, old) => {
    for (const service of services.list(pod.metadata.namespace)) {
      if (selects(service, pod) || (old !== undefined && selects(service, old))) queue.add(objectKey(service));
    }
  });
  slices.onChange((_type, slice) => {
    if (!isOurs(slice)) return;
    unseen.get(sliceService(slice))?.delete(String(slice.metadata.name));
    queue.add(sliceService(slice));
  });
  endpoints.onChange((type, object) => {
    if (type !== 'ADDED') queue.add(objectKey(object));
  });

  function zoneOf(nodeName: string): string | undefined {
    return nodes.get(nodeName)?.metadata.labels?.['topology.kubernetes.io/zone'];
  }

  async function sync(key: string): Promise<void> {
    const service = services.get(key);
    const existing = slices.byIndex('service', key);
    if (service === undefined || service['spec'].type === 'ExternalName' || service.metadata.deletionTimestamp !== undefined) {
      unseen.delete(key);
      for (const slice of existing) await ignoreMissing(client.delete(Resource.endpointSlices, keyOf(slice)));
      if (service === undefined && isControllersOwn(endpoints.get(key))) {
        await ignoreMissing(client.delete(Resource.endpoints, splitKey(key)));
      }
      return;
    }
    if (Object.keys(service['spec'].selector ?? {}).length === 0) return;
    const selected = pods.list(service.metadata.namespace).filter((pod) => selects(service, pod));
    if ((unseen.get(key)?.size ?? 0) === 0) await writeSlices(key, service, selected, existing);
    await writeEndpoints(service, selected);
  }

  async function writeSlices(
    key: string,
    service: KubernetesObject,
    selected: readonly KubernetesObject[],
    existing: readonly KubernetesObject[],
  ): Promise<void> {
    const changes = decideSlices(service, decideEndpoints(service, selected, zoneOf), existing);
    for (const slice of changes.update) await client.update(Resource.endpointSlices, slice);
    for (const slice of changes.create) {
      const made = await client.create(Resource.endpointSlices, slice);
      // Its event may have come before the answer.
      if (slices.get(objectKey(made)) !== undefined) continue;
      const waiting = unseen.get(key);
      if (waiting === undefined) unseen.set(key, new Set([String(made.metadata.name)]));
      else waiting.add(String(made.metadata.name));
    }
    for (const slice of changes.remove) await ignoreMissing(client.delete(Resource.endpointSlices, keyOf(slice)));
  }

  async function writeEndpoints(service: KubernetesObject, selected: readonly KubernetesObject[]): Promise<void> {
    const present = endpoints.get(objectKey(service));
    const wanted = renderEndpoints(service, selected, present);
    if (present === undefined) await client.create(Resource.endpoints, wanted);
    else if (!isSameEndpoints(present, wanted)) await client.update(Resource.endpoints, wanted);
  }

  return controller;
}

function isOurs(slice: KubernetesObject): boolean {
  return slice.metadata.labels?.[MANAGED_BY] === MANAGER;
}

function sliceService(slice: KubernetesObject): string {
  return `${slice.metadata.namespace}/${slice.metadata.labels?.[SERVICE_NAME] ?? ''}`;
}

function isControllersOwn(object: KubernetesObject | undefined): boolean {
  return object?.metadata.labels?.['endpoints.kubernetes.io/managed-by'] === 'endpoint-controller';
}

function selects(service: KubernetesObject, pod: KubernetesObject): boolean {
  const selector = service['spec'].selector as Record<string, string> | undefined;
  if (selector === undefined || Object.keys(selector).length === 0) return false;
  return matchLabelSelector({ matchLabels: selector }, pod.metadata.labels ?? {});
}
