import { type Clock, sleep } from '@palisade/kubernetes/client';

export interface Coalescer {
  /** Asks for a run that begins after now; resolves when that run has succeeded, or when the signal has aborted. */
  trigger(): Promise<void>;
}

const FIRST_RETRY_MS = 100;
const MAX_RETRY_MS = 5_000;

/**
 * Runs `act` soon after each trigger, never twice at once: the first at the end of the current turn, later ones not sooner
 * than `pauseMs` after the last began. A failed run is told to `onError` and repeated with growing waits until it succeeds.
 */
export function createCoalescer(
  act: () => Promise<void>,
  options: { pauseMs: number; clock: Clock; signal: AbortSignal; onError(error: unknown): void },
): Coalescer {
  let waiting: PromiseWithResolvers<void> | undefined;
  let isRunning = false;

  async function loop(): Promise<void> {
    isRunning = true;
    let retryMs = FIRST_RETRY_MS;
    await Promise.resolve();
    while (waiting !== undefined && !options.signal.aborted) {
      const current = waiting;
      waiting = undefined;
      const pause = sleep(options.clock, options.pauseMs, options.signal);
      try {
        await act();
        current.resolve();
        retryMs = FIRST_RETRY_MS;
        await pause;
      } catch (error) {
        options.onError(error);
        // Those who wait for this run now wait for the next one.
        const next: PromiseWithResolvers<void> = waiting ?? Promise.withResolvers<void>();
        waiting = next;
        void next.promise.then(current.resolve);
        await sleep(options.clock, retryMs, options.signal);
        retryMs = Math.min(retryMs * 2, MAX_RETRY_MS);
      }
    }
    isRunning = false;
    if (options.signal.aborted) waiting?.resolve();
  }

  return {
    trigger() {
      if (options.signal.aborted) return Promise.resolve();
      waiting ??= Promise.withResolvers<void>();
      const { promise } = waiting;
      if (!isRunning) void loop();
      return promise;
    },
  };
}
