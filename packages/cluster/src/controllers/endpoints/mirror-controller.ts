import { isDeepStrictEqual } from 'node:util';
import type { KubernetesObject } from '@palisade/kubernetes';
import { objectKey } from '@palisade/kubernetes/client';
import { type Controller, type ControllerContext, createController } from '../runtime/context.ts';
import { ignoreMissing } from '../runtime/errors.ts';
import { keyOf } from '../runtime/ownership.ts';
import { Resource } from '../runtime/resources.ts';
import { isMirrored, MIRROR, mirrorSlices } from './mirror.ts';
import { MANAGED_BY, SERVICE_NAME } from './slices.ts';

/** Makes slices of the Endpoints that users write for Services without selector, since proxies read only slices. */
export function createEndpointsMirror(ctx: ControllerContext): Controller {
  const { client } = ctx;
  const services = ctx.informer(Resource.services);
  const endpoints = ctx.informer(Resource.endpoints);
  const slices = ctx.informer(Resource.endpointSlices);
  const controller = createController(ctx, 'endpoints-mirror', sync);
  const { queue } = controller;
  /** Made and not yet seen in the cache. */
  const unseen = new Map<string, Set<string>>();

  slices.addIndex('mirrored', (slice) => (isMirror(slice) ? [serviceKey(slice)] : []));
  endpoints.onChange((_type, object) => queue.add(objectKey(object)));
  services.onChange((_type, service) => queue.add(objectKey(service)));
  slices.onChange((_type, slice) => {
    if (!isMirror(slice)) return;
    unseen.get(serviceKey(slice))?.delete(String(slice.metadata.name));
    queue.add(serviceKey(slice));
  });

  async function sync(key: string): Promise<void> {
    if ((unseen.get(key)?.size ?? 0) > 0) return;
    const object = endpoints.get(key);
    const wanted = object !== undefined && isMirrored(object, services.get(key)) ? mirrorSlices(object) : [];
    const spare = [...slices.byIndex('mirrored', key)];
    const missing: KubernetesObject[] = [];
    for (const slice of wanted) {
      const same = spare.findIndex((present) => isDeepStrictEqual(content(present), content(slice)));
      if (same === -1) missing.push(slice);
      else spare.splice(same, 1);
    }
    for (const slice of missing) {
      const made = await client.create(Resource.endpointSlices, slice);
      if (slices.get(objectKey(made)) === undefined) unseen.set(key, (unseen.get(key) ?? new Set()).add(String(made.metadata.name)));
    }
    for (const slice of spare) await ignoreMissing(client.delete(Resource.endpointSlices, keyOf(slice)));
  }

  return controller;
}

function isMirror(slice: KubernetesObject): boolean {
  return slice.metadata.labels?.[MANAGED_BY] === MIRROR;
}

function serviceKey(slice: KubernetesObject): string {
  return `${slice.metadata.namespace}/${slice.metadata.labels?.[SERVICE_NAME] ?? ''}`;
}

function content(slice: KubernetesObject): unknown[] {
  return [slice['addressType'], slice['ports'] ?? [], slice['endpoints'] ?? [], slice.metadata.labels];
}
