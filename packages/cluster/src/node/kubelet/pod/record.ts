import type { Container, ContainerState, ContainerStatus } from '../pod-types.ts';
import { type Backoff, NO_BACKOFF } from './backoff.ts';
import type { ContainerFacts } from './decide.ts';

export type Terminated = NonNullable<ContainerState['terminated']>;

/** What the node remembers of one container of a pod, over all its restarts. Changed only by the pod's worker. */
export interface ContainerRecord {
  readonly name: string;
  image: string;
  state: ContainerState;
  lastState: ContainerState;
  restartCount: number;
  containerId: string | undefined;
  imageId: string;
  /** A start or stop is under way. */
  isBusy: boolean;
  /** Its program runs, its postStart hook has not ended. */
  isInHook: boolean;
  /** Startup probe passed. */
  isStarted: boolean;
  /** Readiness as the probe last said; without a probe the same as running. */
  isProbedReady: boolean;
  backoff: Backoff;
  startAfterMs: number | undefined;
}

/** @param before the status of an earlier life of this node, whose containers are gone */
export function newRecord(name: string, image: string, before: ContainerStatus | undefined, waitingReason: string): ContainerRecord {
  const record: ContainerRecord = {
    name,
    image,
    state: { waiting: { reason: waitingReason } },
    lastState: {},
    restartCount: 0,
    containerId: undefined,
    imageId: '',
    isBusy: false,
    isInHook: false,
    isStarted: false,
    isProbedReady: false,
    backoff: NO_BACKOFF,
    startAfterMs: undefined,
  };
  if (before?.containerID === undefined) return record;
  record.restartCount = before.restartCount + 1;
  record.lastState = { terminated: before.state.terminated ?? before.lastState.terminated ?? lostContainer(before) };
  return record;
}

/** Of an ephemeral container: it was added to a pod that has its place already. */
export function firstRecord({ name, image }: Container): ContainerRecord {
  return newRecord(name, image, undefined, 'ContainerCreating');
}

/** What kubelet reports of a container that it can no longer find. */
export function lostContainer(before: ContainerStatus): Terminated {
  return {
    exitCode: 137,
    reason: 'ContainerStatusUnknown',
    message: 'The container could not be located when the pod was terminated',
    ...(before.state.running?.startedAt === undefined ? {} : { startedAt: before.state.running.startedAt }),
    ...(before.containerID === undefined ? {} : { containerID: before.containerID }),
  };
}

/** A container waiting for its restart shows `waiting`, with its last end beside it. */
export function endOf(record: ContainerRecord): Terminated | undefined {
  return record.state.terminated ?? (record.state.waiting === undefined ? undefined : record.lastState.terminated);
}

export function factsOf(record: ContainerRecord): ContainerFacts {
  const end = endOf(record);
  const phase =
    record.isBusy || record.isInHook
      ? 'busy'
      : record.state.running
        ? 'running'
        : end !== undefined && record.containerId !== undefined
          ? 'exited'
          : 'absent';
  return {
    phase,
    isStarted: record.isStarted,
    ...(phase === 'exited' ? { exitCode: end!.exitCode } : {}),
    ...(record.startAfterMs === undefined ? {} : { startAfterMs: record.startAfterMs }),
  };
}

export function isReady(record: ContainerRecord): boolean {
  return record.state.running !== undefined && record.isStarted && record.isProbedReady;
}

export type ContainerKind = 'init' | 'sidecar' | 'main' | 'ephemeral';

export function renderContainerStatus(record: ContainerRecord, kind: ContainerKind): ContainerStatus {
  const ready = kind === 'ephemeral' ? false : kind === 'init' ? record.state.terminated?.exitCode === 0 : isReady(record);
  return {
    name: record.name,
    state: record.state,
    lastState: record.lastState,
    ready,
    restartCount: record.restartCount,
    image: record.image,
    imageID: record.imageId,
    ...(record.containerId === undefined ? {} : { containerID: record.containerId }),
    ...(kind === 'ephemeral' ? {} : { started: kind === 'init' ? false : record.state.running !== undefined && record.isStarted }),
  };
}
