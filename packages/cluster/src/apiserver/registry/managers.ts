import { formatApiVersion, type KubernetesObject, type ManagedFieldsEntry, managersAfterUpdate, type Writer } from '@palisade/kubernetes';
import type { Core, Scope } from '../core.ts';
import { serverOwnedFields } from './strategy.ts';
import { formatTime } from './time.ts';

/** Who is written into `metadata.managedFields` for this request. */
export function writerOf(core: Core, scope: Scope): Writer {
  const { group, version } = scope.resource.gvk;
  return {
    manager: scope.fieldManager,
    apiVersion: formatApiVersion(group, version),
    subresource: scope.subresource,
    time: formatTime(core.clock()),
    leaves: scope.subresource === 'status' || scope.subresource === 'approval' ? [] : serverOwnedFields(scope.resource),
  };
}

/** Sets `metadata.managedFields` of an object that is about to be stored, or takes it away when nobody manages anything. */
export function recordManagers(
  core: Core,
  scope: Scope,
  before: KubernetesObject,
  after: KubernetesObject,
  given: readonly ManagedFieldsEntry[] | undefined,
): void {
  setManagers(after, managersAfterUpdate(scope.resource.model.shape(), before, after, given, writerOf(core, scope)));
}

export function setManagers(object: KubernetesObject, entries: readonly ManagedFieldsEntry[] | undefined): void {
  if (entries?.length) object.metadata.managedFields = [...entries];
  else delete object.metadata.managedFields;
}
