import { type Controller, type ControllerContext, createController } from '../runtime/context.ts';
import { ignoreMissing } from '../runtime/errors.ts';
import { keyOf } from '../runtime/ownership.ts';
import { Resource } from '../runtime/resources.ts';

/** kube-apiserver's default `--event-ttl`. */
const EVENT_TTL_MS = 60 * 60 * 1000;
const SWEEP_MS = 60 * 1000;

/** Events live an hour after their last repetition; a real cluster's store drops them by itself. */
export function createEventExpiry(ctx: ControllerContext): Controller {
  const { client, clock } = ctx;
  const events = ctx.informer(Resource.events);
  const controller = createController(ctx, 'event-expiry', sweep);
  controller.queue.add('sweep');

  async function sweep(): Promise<number> {
    const oldestMs = clock.now().getTime() - EVENT_TTL_MS;
    for (const event of events.list()) {
      const at = event['lastTimestamp'] ?? event['series']?.lastObservedTime ?? event['eventTime'] ?? event.metadata.creationTimestamp;
      if (Date.parse(at) < oldestMs) await ignoreMissing(client.delete(Resource.events, keyOf(event)));
    }
    return SWEEP_MS;
  }

  return controller;
}
