/**
 * Time as an argument: everything that waits takes a `Clock`, so that tests decide when time passes.
 */
export interface Clock {
  now(): Date;
  /** Runs `callback` once, `delayMs` from now; the returned function cancels it (harmless afterwards). */
  after(delayMs: number, callback: () => void): () => void;
}

/** `setTimeout` overflows above this and fires at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** The machine's clock. Its timers never keep the process alive: a controller waiting for tomorrow must not stop an exit. */
export const systemClock: Clock = {
  now: () => new Date(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, Math.min(Math.max(0, delayMs), MAX_TIMER_MS));
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/** Resolves after `delayMs` of `clock`, or at once when `signal` aborts. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const finish = () => {
      cancel();
      signal?.removeEventListener('abort', finish);
      resolve();
    };
    const cancel = clock.after(delayMs, finish);
    signal?.addEventListener('abort', finish, { once: true });
  });
}
