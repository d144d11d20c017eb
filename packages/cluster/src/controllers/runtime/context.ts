import type { ApiClient, GroupVersionResource, KubernetesObject } from '@palisade/kubernetes';
import { type Clock, createInformer, createWorkQueue, type Informer, type WorkQueue } from '@palisade/kubernetes/client';
import { isNamespaceEnding } from './errors.ts';
import { createEventRecorder, type EventRecorder } from './events.ts';

export type Log = (level: 'debug' | 'info' | 'warn' | 'error', message: string) => void;

/** What every controller gets: one client, one clock, and caches shared by all of them. */
export interface ControllerContext {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  /** The shared cache of a resource; made on first use, started with the controllers. */
  informer<T extends KubernetesObject = KubernetesObject>(resource: GroupVersionResource): Informer<T>;
  /** Events of one source, as `kubectl describe` shows them in its "From" column. */
  recorder(component: string): EventRecorder;
}

/** A controller before it runs: its handlers are attached, its queue waits for the caches. */
export interface Controller {
  readonly name: string;
  readonly queue: WorkQueue;
}

export interface ContextOptions {
  client: ApiClient;
  clock: Clock;
  log: Log;
  random: () => number;
}

export interface RunningContext extends ControllerContext {
  /** Starts every cache made so far, and later ones as they are made. */
  start(signal: AbortSignal): void;
  /** Resolves when the caches made so far are filled. */
  synced(): Promise<void>;
}

export function createContext(options: ContextOptions): RunningContext {
  const informers = new Map<string, Informer>();
  let running: AbortSignal | undefined;
  return {
    ...options,
    start(signal) {
      running = signal;
      for (const informer of informers.values()) informer.start(signal);
    },
    async synced() {
      await Promise.all([...informers.values()].map((informer) => informer.hasSynced()));
    },
    informer<T extends KubernetesObject>(resource: GroupVersionResource): Informer<T> {
      const name = `${resource.resource}.${resource.version}.${resource.group}`;
      let found = informers.get(name);
      if (found === undefined) {
        found = createInformer(options.client, resource, {
          clock: options.clock,
          random: options.random,
          onError: (error) => options.log('warn', `watch of ${name}: ${describe(error)}`),
        });
        informers.set(name, found);
        if (running !== undefined) found.start(running);
      }
      return found as Informer<T>;
    },
    recorder: (component) => createEventRecorder({ ...options, component }),
  };
}

/** One controller: a queue around `sync`, with failures logged. Conflicts are the normal way to learn of a stale cache. */
export function createController(
  ctx: ControllerContext,
  name: string,
  sync: (key: string) => Promise<unknown>,
  options: { concurrency?: number } = {},
): Controller {
  const queue = createWorkQueue({
    async process(key) {
      try {
        return await sync(key);
      } catch (error) {
        if (isNamespaceEnding(error)) return undefined;
        throw error;
      }
    },
    clock: ctx.clock,
    concurrency: options.concurrency ?? 2,
    onError: (key, error, retries) => ctx.log(retries < 3 ? 'debug' : 'warn', `${name}: ${key}: ${describe(error)}`),
  });
  return { name, queue };
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
