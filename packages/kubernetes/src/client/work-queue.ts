import type { Clock } from './clock.ts';

export interface WorkQueueOptions {
  /** Handles one key. A number as result asks for the same key again after that many milliseconds. */
  process(key: string): Promise<unknown>;
  clock: Clock;
  /** Keys worked on at the same time; the same key never is. Default 1. */
  concurrency?: number;
  /** First and longest wait after a failure; doubles in between. Defaults 5 ms and 60 s (client-go: 5 ms, 1000 s). */
  baseDelayMs?: number;
  maxDelayMs?: number;
  onError?(key: string, error: unknown, retries: number): void;
}

/** Keys to reconcile: each waits at most once, is worked on by one at a time, and is retried with growing waits when it fails. */
export interface WorkQueue {
  add(key: string): void;
  /** Adds `key` later. Several waits for one key end at the earliest. */
  addAfter(key: string, delayMs: number): void;
  /** Keys added before are kept, not worked on, until this is called. */
  start(): void;
  /** No further key is begun; resolves when running ones ended. */
  stop(): Promise<void>;
  /** Nothing waits and nothing runs (keys asked for later do not count). */
  isIdle(): boolean;
  readonly isStopped: boolean;
}

export function createWorkQueue(options: WorkQueueOptions): WorkQueue {
  const { clock, process, concurrency = 1, baseDelayMs = 5, maxDelayMs = 60_000 } = options;
  const waiting = new Set<string>();
  const running = new Map<string, Promise<void>>();
  /** Added while running: worked on again as soon as the run ends. */
  const dirty = new Set<string>();
  const failures = new Map<string, number>();
  const delayed = new Map<string, { at: number; cancel: () => void }>();
  let state: 'new' | 'started' | 'stopped' = 'new';

  function add(key: string): void {
    if (state === 'stopped') return;
    if (running.has(key)) dirty.add(key);
    else waiting.add(key);
    pump();
  }

  function addAfter(key: string, delayMs: number): void {
    if (state === 'stopped') return;
    const at = clock.now().getTime() + delayMs;
    const before = delayed.get(key);
    if (before !== undefined && before.at <= at) return;
    before?.cancel();
    const cancel = clock.after(delayMs, () => {
      delayed.delete(key);
      add(key);
    });
    delayed.set(key, { at, cancel });
  }

  function pump(): void {
    if (state !== 'started') return;
    for (const key of waiting) {
      if (running.size >= concurrency) return;
      waiting.delete(key);
      running.set(key, run(key));
    }
  }

  async function run(key: string): Promise<void> {
    // Never work inside the caller of add(): handlers add keys while a cache is half updated.
    await Promise.resolve();
    try {
      const again = await process(key);
      failures.delete(key);
      if (typeof again === 'number') addAfter(key, again);
    } catch (error) {
      const retries = failures.get(key) ?? 0;
      failures.set(key, retries + 1);
      options.onError?.(key, error, retries);
      addAfter(key, Math.min(maxDelayMs, baseDelayMs * 2 ** Math.min(retries, 30)));
    } finally {
      running.delete(key);
      if (dirty.delete(key) && state === 'started') waiting.add(key);
      pump();
    }
  }

  return {
    add,
    addAfter,
    start() {
      if (state === 'new') state = 'started';
      pump();
    },
    async stop() {
      state = 'stopped';
      waiting.clear();
      dirty.clear();
      for (const { cancel } of delayed.values()) cancel();
      delayed.clear();
      await Promise.allSettled(running.values());
    },
    isIdle: () => waiting.size === 0 && running.size === 0,
    get isStopped() {
      return state === 'stopped';
    },
  };
}
