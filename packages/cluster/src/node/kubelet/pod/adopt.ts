import { isSidecar, type Pod } from '../pod-types.ts';
import { type ContainerRecord, firstRecord, lostContainer, newRecord } from './record.ts';

/**
 * Records for a pod seen for the first time by this process. If its status tells of containers, they ran in an earlier life of the node and are gone:
 * main containers that had ended stay ended, running ones are lost, and init containers run again unless the pod can only fail.
 */
export function adoptRecords(pod: Pod): Map<string, ContainerRecord> {
  const { spec, status = {} } = pod;
  const hasBegun = (status.containerStatuses ?? []).some(({ containerID }) => containerID !== undefined);
  const cannotRestart = spec.restartPolicy === 'Never' && hasBegun;
  const records = new Map<string, ContainerRecord>();
  for (const container of spec.initContainers ?? []) {
    const before = status.initContainerStatuses?.find(({ name }) => name === container.name);
    const record = newRecord(container.name, container.image, before, 'PodInitializing');
    if (cannotRestart && before?.containerID !== undefined && !isSidecar(container)) {
      record.state = before.state.terminated ? before.state : { terminated: lostContainer(before) };
      record.lastState = before.lastState;
      record.containerId = before.containerID;
      record.restartCount = before.restartCount;
    }
    records.set(container.name, record);
  }
  const hasInit = (spec.initContainers ?? []).length > 0;
  for (const container of spec.containers) {
    const before = status.containerStatuses?.find(({ name }) => name === container.name);
    const record = newRecord(container.name, container.image, before, hasInit ? 'PodInitializing' : 'ContainerCreating');
    const end = before?.state.terminated ?? (cannotRestart && before?.containerID !== undefined ? lostContainer(before) : undefined);
    if (before?.containerID !== undefined && end !== undefined) {
      record.state = { terminated: end };
      record.lastState = before.lastState;
      record.containerId = before.containerID;
      record.restartCount = before.restartCount;
    }
    records.set(container.name, record);
  }
  // Never started again: what ran is lost, what had not begun still may.
  for (const container of spec.ephemeralContainers ?? []) {
    const before = status.ephemeralContainerStatuses?.find(({ name }) => name === container.name);
    const record = firstRecord(container);
    if (before?.containerID !== undefined) {
      record.state = { terminated: before.state.terminated ?? lostContainer(before) };
      record.containerId = before.containerID;
      record.imageId = before.imageID;
    }
    records.set(container.name, record);
  }
  return records;
}
