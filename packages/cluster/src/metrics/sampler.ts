import type { Clock } from '@palisade/kubernetes/client';
import type { RunningPod } from '../node/kubelet/index.ts';
import { type Rate, rateBetween, type Usage } from './usage.ts';

/** A pod as it was measured last. */
export interface MeasuredPod extends Pick<RunningPod, 'namespace' | 'name' | 'labels' | 'node'> {
  readonly containers: readonly { readonly name: string; readonly rate: Rate }[];
}

export interface Measurement {
  /** End of the window. */
  readonly at: Date;
  readonly windowMs: number;
  readonly pods: readonly MeasuredPod[];
}

export interface Sampler {
  /** undefined until two samples were taken. Containers that began since then are left out, and pods that have no others. */
  current(): Measurement | undefined;
  close(): void;
}

export interface SamplerOptions {
  readonly clock: Clock;
  readonly pods: () => readonly RunningPod[];
  /** Usage by the same keys as the pids of the containers' inits. */
  readonly read: (inits: ReadonlyMap<string, number>) => ReadonlyMap<string, Usage>;
  /** metrics-server's default is 15 s; here nothing travels. */
  readonly intervalMs?: number;
}

interface Sample {
  readonly atMs: number;
  readonly usages: ReadonlyMap<string, Usage>;
}

const INTERVAL_MS = 5_000;

/** Measures all running containers at fixed times and keeps the last window. */
export function createSampler({ clock, pods, read, intervalMs = INTERVAL_MS }: SamplerOptions): Sampler {
  let before: Sample | undefined;
  let measurement: Measurement | undefined;
  let cancel = () => {};

  function sample(): void {
    const running = pods();
    const inits = new Map(running.flatMap((pod) => pod.containers.map((each) => [keyOf(pod, each), each.initPid] as const)));
    const after: Sample = { atMs: clock.now().getTime(), usages: read(inits) };
    if (before !== undefined && after.atMs > before.atMs) measurement = measure(running, before, after);
    before = after;
    cancel = clock.after(intervalMs, sample);
  }

  cancel = clock.after(0, sample);
  return { current: () => measurement, close: () => cancel() };
}

function keyOf(pod: RunningPod, container: RunningPod['containers'][number]): string {
  return `${pod.namespace}/${pod.name}/${container.name}/${container.initPid}`;
}

function measure(running: readonly RunningPod[], before: Sample, after: Sample): Measurement {
  const windowMs = after.atMs - before.atMs;
  const pods = running.flatMap((pod): MeasuredPod[] => {
    const { namespace, name, labels, node } = pod;
    const containers = pod.containers.flatMap((container) => {
      const [first, last] = [before.usages.get(keyOf(pod, container)), after.usages.get(keyOf(pod, container))];
      return first === undefined || last === undefined ? [] : [{ name: container.name, rate: rateBetween(first, last, windowMs) }];
    });
    return containers.length === 0 ? [] : [{ namespace, name, labels, node, containers }];
  });
  return { at: new Date(after.atMs), windowMs, pods };
}
