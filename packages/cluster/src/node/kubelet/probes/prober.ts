import type { Clock } from '@palisade/kubernetes/client';
import type { Container, Probe } from '../pod-types.ts';
import { type AttemptResult, attemptProbe, type ProbeAccess } from './attempt.ts';
import { countResult, NEW_PROBE, nextTryMs, type ProbeState } from './state.ts';

export type ProbeKind = 'Startup' | 'Readiness' | 'Liveness';

export interface ProbeListener {
  started(): void;
  ready(isReady: boolean): void;
  /** The container is to be stopped and started again. */
  unhealthy(kind: 'Startup' | 'Liveness', probe: Probe): void;
  /** One failed try. */
  failed(kind: ProbeKind, result: AttemptResult): void;
}

/**
 * Runs the probes of one container run until stopped: startup first and alone, then readiness and liveness side by side.
 * The listener hears `started` and `ready(true)` at once for probes that the container does not have.
 *
 * @returns stops it; no call of the listener follows
 */
export function startProbes(container: Container, access: ProbeAccess, clock: Clock, listener: ProbeListener): () => void {
  const cancels = new Set<() => void>();
  let isStopped = false;

  function watch(kind: ProbeKind, probe: Probe, changed: (state: ProbeState) => boolean): void {
    let state = NEW_PROBE;
    const schedule = (delayMs: number) => {
      const cancel = clock.after(delayMs, () => {
        cancels.delete(cancel);
        void attemptProbe(access, probe).then((result) => {
          if (isStopped) return;
          const before = state.outcome;
          state = countResult(state, result.isSuccess, probe);
          if (!result.isSuccess) listener.failed(kind, result);
          const goesOn = state.outcome === before ? true : changed(state);
          if (goesOn && !isStopped) schedule(nextTryMs(probe, false));
        });
      });
      cancels.add(cancel);
    };
    schedule(nextTryMs(probe, true));
  }

  function begin(): void {
    listener.started();
    const { readinessProbe, livenessProbe } = container;
    if (readinessProbe === undefined) listener.ready(true);
    else
      watch('Readiness', readinessProbe, ({ outcome }) => {
        listener.ready(outcome === 'success');
        return true;
      });
    if (livenessProbe !== undefined)
      watch('Liveness', livenessProbe, ({ outcome }) => {
        if (outcome === 'failure') listener.unhealthy('Liveness', livenessProbe);
        return outcome !== 'failure';
      });
  }

  const { startupProbe } = container;
  if (startupProbe === undefined) begin();
  else
    watch('Startup', startupProbe, ({ outcome }) => {
      if (outcome === 'success') begin();
      else listener.unhealthy('Startup', startupProbe);
      return false;
    });
  return () => {
    isStopped = true;
    for (const cancel of cancels) cancel();
  };
}
