import { type Container, isSidecar, type PodSpec } from '../pod-types.ts';

/** What is known of one container of the pod. */
export interface ContainerFacts {
  /** `absent`: never started, or its start failed. `busy`: being started or stopped. */
  readonly phase: 'absent' | 'busy' | 'running' | 'exited';
  readonly exitCode?: number;
  /** Its startup probe has succeeded, or it has none. */
  readonly isStarted: boolean;
  /** Not to be started before; absent means at once. */
  readonly startAfterMs?: number;
}

export interface PodPlan {
  /** To be started now. */
  readonly start: readonly string[];
  /** When to decide again though nothing happened. */
  readonly wakeAtMs?: number;
  /** All init containers have done their part. */
  readonly isInitialized: boolean;
  /** The pod's work is over; sidecars that still run are to be stopped, last one first. */
  readonly outcome?: 'Succeeded' | 'Failed';
}

/**
 * Which containers of a living pod should start now (Pod lifecycle; KEP-753 for sidecars). Pods being deleted are not asked about.
 */
export function decidePod(spec: PodSpec, facts: ReadonlyMap<string, ContainerFacts>, nowMs: number): PodPlan {
  const start: string[] = [];
  const wakes: number[] = [];
  const policy = spec.restartPolicy ?? 'Always';

  function begin(container: Container): void {
    const { startAfterMs = 0 } = factsOf(container);
    if (startAfterMs <= nowMs) start.push(container.name);
    else wakes.push(startAfterMs);
  }
  function factsOf(container: Container): ContainerFacts {
    return facts.get(container.name) ?? { phase: 'absent', isStarted: false };
  }
  function finish(isInitialized: boolean, outcome?: 'Succeeded' | 'Failed'): PodPlan {
    return {
      start: outcome === undefined ? start : [],
      isInitialized,
      ...(wakes.length > 0 && outcome === undefined ? { wakeAtMs: Math.min(...wakes) } : {}),
      ...(outcome === undefined ? {} : { outcome }),
    };
  }

  // An ephemeral container is started once, whatever the others do.
  for (const container of spec.ephemeralContainers ?? []) if (factsOf(container).phase === 'absent') begin(container);
  for (const container of spec.initContainers ?? []) {
    const { phase, exitCode, isStarted } = factsOf(container);
    if (isSidecar(container)) {
      if (phase === 'absent' || phase === 'exited') begin(container);
      if (phase !== 'running' || !isStarted) if (!hasBegunMain(spec, facts)) return finish(false);
    } else if (phase !== 'exited' || exitCode !== 0) {
      if (phase === 'exited' && policy === 'Never') return finish(false, 'Failed');
      if (phase === 'absent' || phase === 'exited') begin(container);
      return finish(false);
    }
  }

  const over: number[] = [];
  for (const container of spec.containers) {
    const { phase, exitCode = 0 } = factsOf(container);
    if (phase === 'absent') begin(container);
    else if (phase === 'exited') {
      if (policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0)) begin(container);
      else over.push(exitCode);
    }
    // kubelet starts containers one after the other and waits for each one's postStart: that is how a sidecar holds the others, after a
    // restart too. One that cannot start now holds nobody.
    if (container.lifecycle?.postStart !== undefined && (phase === 'busy' || start.includes(container.name))) break;
  }
  if (over.length < spec.containers.length) return finish(true);
  return finish(true, over.every((code) => code === 0) ? 'Succeeded' : 'Failed');
}

/** Once main containers run, a sidecar's restart does not stop them. */
function hasBegunMain(spec: PodSpec, facts: ReadonlyMap<string, ContainerFacts>): boolean {
  return spec.containers.some((container) => (facts.get(container.name)?.phase ?? 'absent') !== 'absent');
}
