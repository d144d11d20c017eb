/** Waits between tries, as kubelet's: none before the first repetition, then doubling, forgotten after a long quiet run. */
export interface Backoff {
  /** Wait before the next try; 0 before the first repetition. */
  readonly delayMs: number;
  /** When the last try was made. */
  readonly lastTryMs: number;
}

export const NO_BACKOFF: Backoff = { delayMs: 0, lastTryMs: Number.NEGATIVE_INFINITY };
const FIRST_DELAY_MS = 10_000;
const MAX_DELAY_MS = 300_000;

/** The wait after something that ended at `endedMs`: 0 when it may be tried at once. */
export function delayAfter(backoff: Backoff, endedMs: number): number {
  return endedMs - backoff.lastTryMs > 2 * MAX_DELAY_MS ? 0 : backoff.delayMs;
}

/** To be called with each repeated try. */
export function afterTry(backoff: Backoff, endedMs: number, nowMs: number): Backoff {
  const delay = delayAfter(backoff, endedMs);
  return { delayMs: delay === 0 ? FIRST_DELAY_MS : Math.min(delay * 2, MAX_DELAY_MS), lastTryMs: nowMs };
}

/** As Go prints durations: `10s`, `1m20s`, `5m0s`. */
export function renderDuration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}
