import { createHash } from 'node:crypto';
import { type ApiClient, isStatusError, type KubernetesObject, PatchType } from '@palisade/kubernetes';
import type { Clock } from '@palisade/kubernetes/client';
import { Resource } from './resources.ts';

type EventType = 'Normal' | 'Warning';

/** Tells users what happened to an object (core/v1 Event). Never blocks and never fails its caller. */
export interface EventRecorder {
  event(object: KubernetesObject, type: EventType, reason: string, message: string): void;
  /** Resolves when everything recorded so far was written or given up. */
  flush(): Promise<void>;
}

export interface EventRecorderOptions {
  client: ApiClient;
  clock: Clock;
  /** `source.component`, for example `deployment-controller`. */
  component: string;
  /** `source.host`: the node, for a kubelet. */
  host?: string;
  log(level: 'debug', message: string): void;
}

/** The apiserver forgets events after an hour; a repetition later than that starts a new one. */
const AGGREGATION_MS = 60 * 60 * 1000;
const MAX_REMEMBERED = 4096;
/** The API's bound on `Event.message`. */
const MAX_MESSAGE_LENGTH = 1024;

interface Remembered {
  key: { namespace: string; name: string };
  count: number;
  lastMs: number;
}

/** Same object, type, reason and message again: `count` goes up instead of a new event. Writes are made in order. */
export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  const { client, clock } = options;
  const remembered = new Map<string, Remembered>();
  let tail: Promise<void> = Promise.resolve();

  async function write(id: string, event: KubernetesObject, nowMs: number): Promise<void> {
    const known = remembered.get(id);
    if (known !== undefined && nowMs - known.lastMs < AGGREGATION_MS) {
      known.count += 1;
      known.lastMs = nowMs;
      try {
        await client.patch(Resource.events, known.key, PatchType.merge, { count: known.count, lastTimestamp: event['lastTimestamp'] });
        return;
      } catch (error) {
        if (!isStatusError(error, 'NotFound')) throw error;
      }
    }
    await client.create(Resource.events, event);
    remembered.delete(id);
    remembered.set(id, {
      key: { namespace: String(event.metadata.namespace), name: String(event.metadata.name) },
      count: 1,
      lastMs: nowMs,
    });
    if (remembered.size > MAX_REMEMBERED) remembered.delete(remembered.keys().next().value!);
  }

  return {
    event(object, type, reason, message) {
      const now = clock.now();
      const event = renderEvent(object, {
        type,
        reason,
        message,
        now,
        component: options.component,
        ...(options.host === undefined ? {} : { host: options.host }),
      });
      const id = eventIdentity(event);
      tail = tail
        .then(() => write(id, event, now.getTime()))
        .catch((error: unknown) =>
          options.log('debug', `event ${reason} of ${object.kind} ${object.metadata.name} not written: ${String(error)}`),
        );
    },
    flush: () => tail,
  };
}

interface EventContent {
  type: EventType;
  reason: string;
  message: string;
  now: Date;
  component: string;
  host?: string;
}

/** Events of cluster-scoped objects live in `default`. The name ends in the time, as client-go's do, plus what tells events of one instant apart. */
function renderEvent(object: KubernetesObject, content: EventContent): KubernetesObject {
  const { name = '', namespace, uid, resourceVersion } = object.metadata;
  const at = content.now.toISOString().replace(/\.\d+Z$/, 'Z');
  const unique = createHash('sha256')
    .update(`${uid}\n${content.reason}\n${content.message}\n${content.component}`)
    .digest('hex')
    .slice(0, 6);
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: `${name}.${content.now.getTime().toString(16)}${unique}`, namespace: namespace ?? 'default' },
    involvedObject: {
      apiVersion: object.apiVersion,
      kind: object.kind,
      name,
      ...(namespace === undefined ? {} : { namespace }),
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
    },
    type: content.type,
    reason: content.reason,
    message: content.message.slice(0, MAX_MESSAGE_LENGTH),
    source: { component: content.component, ...(content.host === undefined ? {} : { host: content.host }) },
    reportingComponent: content.component,
    reportingInstance: content.host ?? '',
    firstTimestamp: at,
    lastTimestamp: at,
    count: 1,
  };
}

function eventIdentity(event: KubernetesObject): string {
  const { kind, namespace = '', name, uid = '' } = event['involvedObject'];
  return [kind, namespace, name, uid, event['type'], event['reason'], event['message']].join('\n');
}
