import type { KubernetesObject } from '../object.ts';
import { age, nameOf, none, type RowPrinter, since } from './cells.ts';

interface ContainerState {
  readonly waiting?: { readonly reason?: string };
  readonly running?: object;
  readonly terminated?: {
    readonly reason?: string;
    readonly exitCode?: number;
    readonly signal?: number;
    readonly finishedAt?: string | null;
  };
}

interface ContainerStatus {
  readonly name?: string;
  readonly ready?: boolean;
  readonly started?: boolean;
  readonly restartCount?: number;
  readonly state?: ContainerState;
  readonly lastState?: ContainerState;
}

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
}

/** Restarts of some containers and when the last one ended. */
class Restarts {
  count = 0;
  last = '';

  add(status: ContainerStatus): void {
    this.count += status.restartCount ?? 0;
    const finished = status.lastState?.terminated?.finishedAt ?? '';
    if (finished > this.last) this.last = finished;
  }
}

const ended = (t: NonNullable<ContainerState['terminated']>): string =>
  t.reason || (t.signal ? `Signal:${t.signal}` : `ExitCode:${t.exitCode ?? 0}`);

interface PodSummary {
  readonly ready: number;
  readonly total: number;
  readonly reason: string;
  readonly restarts: Restarts;
}

/** Init containers that never end (restartPolicy Always) count as containers. */
const sidecarNames = (pod: KubernetesObject): Set<string> =>
  new Set(
    (pod['spec']?.initContainers ?? [])
      .filter((c: { restartPolicy?: string }) => c.restartPolicy === 'Always')
      .map((c: { name: string }) => c.name),
  );

interface InitSummary {
  /** Why the pod is still initialising; undefined when it is not. */
  readonly reason: string | undefined;
  readonly ready: number;
  readonly all: Restarts;
  readonly sidecars: Restarts;
}

function summarizeInit(pod: KubernetesObject, sidecars: ReadonlySet<string>): InitSummary {
  const statuses: readonly ContainerStatus[] = pod['status']?.initContainerStatuses ?? [];
  const [all, ofSidecars] = [new Restarts(), new Restarts()];
  let ready = 0;
  for (const [i, status] of statuses.entries()) {
    all.add(status);
    const isSidecar = sidecars.has(status.name ?? '');
    if (isSidecar) ofSidecars.add(status);
    const { terminated, waiting } = status.state ?? {};
    if (terminated && (terminated.exitCode ?? 0) === 0) continue;
    if (isSidecar && status.started) {
      if (status.ready) ready++;
      continue;
    }
    const total = (pod['spec']?.initContainers ?? []).length;
    const waitsFor = waiting?.reason && waiting.reason !== 'PodInitializing' ? waiting.reason : undefined;
    const reason = terminated ? `Init:${ended(terminated)}` : waitsFor ? `Init:${waitsFor}` : `Init:${i}/${total}`;
    return { reason, ready, all, sidecars: ofSidecars };
  }
  return { reason: undefined, ready, all, sidecars: ofSidecars };
}

function summarize(pod: KubernetesObject): PodSummary {
  const status = pod['status'] ?? {};
  const conditions: readonly Condition[] = status.conditions ?? [];
  const holds = (type: string): boolean => conditions.some((c) => c.type === type && c.status === 'True');
  const gated = conditions.some((c) => c.type === 'PodScheduled' && c.reason === 'SchedulingGated');
  const sidecars = sidecarNames(pod);
  const total = (pod['spec']?.containers ?? []).length + sidecars.size;
  const init = summarizeInit(pod, sidecars);
  let reason: string = init.reason ?? (gated ? 'SchedulingGated' : status.reason || status.phase || '');
  let { ready } = init;
  let restarts = init.all;
  if (init.reason === undefined || holds('Initialized')) {
    restarts = init.sidecars;
    let running = false;
    for (const container of [...(status.containerStatuses ?? [])].reverse() as ContainerStatus[]) {
      restarts.add(container);
      const state = container.state ?? {};
      if (state.waiting?.reason) reason = state.waiting.reason;
      else if (state.terminated) reason = ended(state.terminated);
      else if (container.ready && state.running) {
        running = true;
        ready++;
      }
    }
    if (reason === 'Completed' && running) reason = holds('Ready') ? 'Running' : 'NotReady';
  }
  if (pod.metadata.deletionTimestamp) {
    if (status.reason === 'NodeLost') reason = 'Unknown';
    else if (status.phase !== 'Succeeded' && status.phase !== 'Failed') reason = 'Terminating';
  }
  return { ready, total, reason, restarts };
}

export const printPod: RowPrinter = (pod, now) => {
  const { ready, total, reason, restarts } = summarize(pod);
  const spec = pod['spec'] ?? {};
  const status = pod['status'] ?? {};
  const gates: readonly { conditionType: string }[] = spec.readinessGates ?? [];
  const passed = gates.filter((g) => (status.conditions ?? []).some((c: Condition) => c.type === g.conditionType && c.status === 'True'));
  return [
    nameOf(pod),
    `${ready}/${total}`,
    reason,
    restarts.count > 0 && restarts.last ? `${restarts.count} (${since(restarts.last, now)} ago)` : `${restarts.count}`,
    age(pod, now),
    status.podIPs?.[0]?.ip || status.podIP || none,
    spec.nodeName || none,
    status.nominatedNodeName || none,
    gates.length === 0 ? none : `${passed.length}/${gates.length}`,
  ];
};
