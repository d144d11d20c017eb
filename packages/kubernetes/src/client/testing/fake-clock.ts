import type { Clock } from '../clock.ts';

export interface FakeClock extends Clock {
  /** Moves time on, running what falls due in order of time. */
  advance(ms: number): void;
  /** Timers not yet run or cancelled. */
  readonly pending: number;
}

export function createFakeClock(start = '2026-01-01T00:00:00Z'): FakeClock {
  let nowMs = Date.parse(start);
  const timers = new Set<{ at: number; callback: () => void }>();
  return {
    now: () => new Date(nowMs),
    after(delayMs, callback) {
      const timer = { at: nowMs + Math.max(0, delayMs), callback };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    advance(ms) {
      const end = nowMs + ms;
      for (;;) {
        let next: { at: number; callback: () => void } | undefined;
        for (const timer of timers) if (timer.at <= end && (next === undefined || timer.at < next.at)) next = timer;
        if (next === undefined) break;
        timers.delete(next);
        nowMs = Math.max(nowMs, next.at);
        next.callback();
      }
      nowMs = end;
    },
    get pending() {
      return timers.size;
    },
  };
}
