import type { Probe } from '../pod-types.ts';

/** What a probe has found so far; one for each probe of each container run. */
export interface ProbeState {
  readonly outcome: 'unknown' | 'success' | 'failure';
  readonly successes: number;
  readonly failures: number;
}

export const NEW_PROBE: ProbeState = { outcome: 'unknown', successes: 0, failures: 0 };

/** `successThreshold` and `failureThreshold` in a row change the outcome (Kubernetes' defaults 1 and 3). */
export function countResult(state: ProbeState, isSuccess: boolean, probe: Probe): ProbeState {
  const successes = isSuccess ? state.successes + 1 : 0;
  const failures = isSuccess ? 0 : state.failures + 1;
  const outcome =
    successes >= (probe.successThreshold ?? 1) ? 'success' : failures >= (probe.failureThreshold ?? 3) ? 'failure' : state.outcome;
  return { outcome, successes, failures };
}

/** Milliseconds until the next try. The first waits for `initialDelaySeconds`. */
export function nextTryMs(probe: Probe, isFirst: boolean): number {
  return (isFirst ? (probe.initialDelaySeconds ?? 0) : (probe.periodSeconds ?? 10)) * 1000;
}
