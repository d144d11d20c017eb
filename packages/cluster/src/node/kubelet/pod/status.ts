import { type Container, isSidecar, type Pod, type PodCondition, type PodStatus } from '../pod-types.ts';
import { qosClass } from './qos.ts';
import { type ContainerKind, type ContainerRecord, renderContainerStatus } from './record.ts';

/** Everything a pod's status is made from. */
export interface PodView {
  readonly pod: Pod;
  readonly records: ReadonlyMap<string, ContainerRecord>;
  readonly hostIPs: readonly string[];
  /** Empty until the pod has its place in the network; kept after it gave it up. */
  readonly podIPs: readonly string[];
  /** Network and volumes are there. */
  readonly isPlaced: boolean;
  readonly isInitialized: boolean;
  readonly startTime: string;
  /** Set once everything has stopped. */
  readonly outcome: 'Succeeded' | 'Failed' | undefined;
  /** `DeadlineExceeded`, `Evicted` … with their text. */
  readonly reason?: string;
  readonly message?: string;
  /** RFC 3339 without fraction. */
  readonly now: string;
}

/** The status a kubelet writes. Conditions that others own (readiness gates) are kept; times move only when a condition changes. */
export function renderPodStatus(view: PodView): PodStatus {
  const { pod, records } = view;
  const inits = pod.spec.initContainers ?? [];
  const initStatuses = inits.flatMap((container) => statusOf(container, records, isSidecar(container) ? 'sidecar' : 'init'));
  const statuses = pod.spec.containers.flatMap((container) => statusOf(container, records, 'main'));
  const ephemeral = (pod.spec.ephemeralContainers ?? []).flatMap((container) => statusOf(container, records, 'ephemeral'));
  const phase = view.outcome ?? podPhase(view);
  return {
    phase,
    conditions: renderConditions(view, phase),
    ...(view.reason === undefined ? {} : { reason: view.reason }),
    ...(view.message === undefined ? {} : { message: view.message }),
    ...(view.hostIPs[0] === undefined ? {} : { hostIP: view.hostIPs[0], hostIPs: view.hostIPs.map((ip) => ({ ip })) }),
    ...(view.podIPs[0] === undefined ? {} : { podIP: view.podIPs[0], podIPs: view.podIPs.map((ip) => ({ ip })) }),
    startTime: view.startTime,
    ...(inits.length === 0 ? {} : { initContainerStatuses: initStatuses }),
    containerStatuses: statuses,
    ...(ephemeral.length === 0 ? {} : { ephemeralContainerStatuses: ephemeral }),
    qosClass: pod.status?.qosClass ?? qosClass(pod.spec),
  };
}

/**
 * The pod with the status that this node wrote last, except the conditions of others, which are newer in `pod`: readiness gates, and types this
 * node does not know.
 */
export function withForeignConditions(pod: Pod, written: PodStatus): Pod {
  const gates = new Set(pod.spec.readinessGates?.map(({ conditionType }) => conditionType));
  const fresh = pod.status?.conditions ?? [];
  const own = (written.conditions ?? []).map(
    (each) => (gates.has(each.type) ? fresh.find(({ type }) => type === each.type) : undefined) ?? each,
  );
  const others = fresh.filter(({ type }) => !own.some((each) => each.type === type));
  return { ...pod, status: { ...written, conditions: [...own, ...others] } };
}

function statusOf(container: Container, records: ReadonlyMap<string, ContainerRecord>, kind: ContainerKind) {
  const record = records.get(container.name);
  return record === undefined ? [] : [renderContainerStatus(record, kind)];
}

/** Pending until every main container has begun once; Running from then on until the outcome is known. */
function podPhase(view: PodView): 'Pending' | 'Running' {
  const before = view.pod.status?.phase;
  if (before === 'Running' && view.isInitialized) return 'Running';
  const hasBegun = view.pod.spec.containers.every((container) => view.records.get(container.name)?.containerId !== undefined);
  return view.isInitialized && hasBegun ? 'Running' : 'Pending';
}

function renderConditions(view: PodView, phase: string): PodCondition[] {
  const { pod, records } = view;
  const before = pod.status?.conditions ?? [];
  const hasEnded = phase === 'Succeeded' || phase === 'Failed';
  const unready = namesOf(
    pod.spec.containers.concat((pod.spec.initContainers ?? []).filter(isSidecar)).filter((container) => {
      const record = records.get(container.name);
      return record === undefined || !renderContainerStatus(record, 'main').ready;
    }),
  );
  const endReason = phase === 'Succeeded' ? 'PodCompleted' : 'PodFailed';
  const containersReady: PodCondition = hasEnded
    ? { type: 'ContainersReady', status: 'False', reason: endReason }
    : unready.length > 0
      ? {
          type: 'ContainersReady',
          status: 'False',
          reason: 'ContainersNotReady',
          message: `containers with unready status: [${unready.join(' ')}]`,
        }
      : { type: 'ContainersReady', status: 'True' };
  const wanted: PodCondition[] = [
    { type: 'PodReadyToStartContainers', status: view.isPlaced && !hasEnded ? 'True' : 'False' },
    initialized(view, phase),
    ready(pod, containersReady),
    containersReady,
    before.find((each) => each.type === 'PodScheduled') ?? { type: 'PodScheduled', status: 'True' },
  ];
  const own = new Set(wanted.map((each) => each.type));
  return [...wanted.map((each) => dated(each, before, view.now)), ...before.filter((each) => !own.has(each.type))];
}

function initialized(view: PodView, phase: string): PodCondition {
  if (view.isInitialized || phase === 'Succeeded') {
    return { type: 'Initialized', status: 'True', ...(phase === 'Succeeded' ? { reason: 'PodCompleted' } : {}) };
  }
  const incomplete = namesOf(
    (view.pod.spec.initContainers ?? []).filter((container) => {
      const record = view.records.get(container.name);
      return record === undefined || (isSidecar(container) ? !record.isStarted : record.state.terminated?.exitCode !== 0);
    }),
  );
  return {
    type: 'Initialized',
    status: 'False',
    reason: 'ContainersNotInitialized',
    message: `containers with incomplete status: [${incomplete.join(' ')}]`,
  };
}

function ready(pod: Pod, containersReady: PodCondition): PodCondition {
  if (containersReady.status !== 'True') return { ...containersReady, type: 'Ready' };
  const conditions = pod.status?.conditions ?? [];
  const unmet = (pod.spec.readinessGates ?? []).flatMap(({ conditionType }) => {
    const found = conditions.find((each) => each.type === conditionType);
    if (found?.status === 'True') return [];
    return [`the status of pod readiness gate "${conditionType}" is not "True", but ${found?.status ?? 'Unknown'}`];
  });
  if (unmet.length === 0) return { type: 'Ready', status: 'True' };
  return { type: 'Ready', status: 'False', reason: 'ReadinessGatesNotReady', message: unmet.join(', ') };
}

function dated(condition: PodCondition, before: readonly PodCondition[], now: string): PodCondition {
  const old = before.find((each) => each.type === condition.type);
  const lastTransitionTime = old?.status === condition.status && old.lastTransitionTime !== undefined ? old.lastTransitionTime : now;
  return { lastProbeTime: null, ...condition, lastTransitionTime };
}

function namesOf(containers: readonly Container[]): string[] {
  return containers.map((container) => container.name);
}
