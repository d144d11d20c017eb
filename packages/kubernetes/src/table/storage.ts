import { age, nameOf, none, type RowPrinter, unset } from './cells.ts';

/** Rows of the storage group beyond its classes. */

export const printCsiDriver: RowPrinter = (o, now) => {
  const { attachRequired = true, podInfoOnMount = false, storageCapacity = false, requiresRepublish = false, ...spec } = o['spec'] ?? {};
  const audiences = (spec.tokenRequests as { audience: string }[] | undefined)?.map((request) => request.audience).join(',') ?? unset;
  const modes: readonly string[] = spec.volumeLifecycleModes ?? [];
  return [nameOf(o), attachRequired, podInfoOnMount, storageCapacity, audiences, requiresRepublish, modes.join(',') || none, age(o, now)];
};

export const printCsiNode: RowPrinter = (o, now) => [nameOf(o), (o['spec']?.drivers ?? []).length, age(o, now)];

export const printVolumeAttachment: RowPrinter = (o, now) => {
  const { attacher = '', nodeName = '', source = {} } = o['spec'] ?? {};
  return [nameOf(o), attacher, source.persistentVolumeName ?? '', nodeName, o['status']?.attached ?? false, age(o, now)];
};

export const printVolumeAttributesClass: RowPrinter = (o, now) => [nameOf(o), o['driverName'] ?? '', age(o, now)];
