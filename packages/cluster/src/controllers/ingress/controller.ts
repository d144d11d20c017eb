import { objectKey } from '@palisade/kubernetes/client';
import { type Controller, type ControllerContext, createController } from '../runtime/context.ts';
import { Resource } from '../runtime/resources.ts';

const MESSAGE =
  'Stored, and not served yet: the ingress gateway of the mesh will serve it. Until then write a Gateway and a VirtualService ' +
  '(networking.istio.io/v1) for its hosts.';

/** Says of every Ingress, with its own words in `kubectl describe`, that its address stays empty and what to do. */
export function createIngressController(ctx: ControllerContext): Controller {
  const ingresses = ctx.informer(Resource.ingresses);
  const events = ctx.recorder('ingress-controller');
  const controller = createController(ctx, 'ingress', sync);
  ingresses.onChange((type, ingress, old) => {
    const isNew = old === undefined || old.metadata.generation !== ingress.metadata.generation;
    if (type !== 'DELETED' && isNew) controller.queue.add(objectKey(ingress));
  });

  function sync(key: string): Promise<void> {
    const ingress = ingresses.get(key);
    // Another controller, which the user runs, has given it an address.
    const isServed = (ingress?.['status']?.loadBalancer?.ingress ?? []).length > 0;
    if (ingress !== undefined && !isServed) events.event(ingress, 'Warning', 'NotServed', MESSAGE);
    return Promise.resolve();
  }

  return controller;
}
