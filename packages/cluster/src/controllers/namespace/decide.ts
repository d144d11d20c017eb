import { isDeepStrictEqual } from 'node:util';
import type { KubernetesObject } from '@palisade/kubernetes';
import { apiTime, type Condition } from '../runtime/pods.ts';

/** What a pass over a namespace's content found and could not do. */
export interface ContentReport {
  /** Objects still there, by `resource.group`. */
  remaining: Map<string, number>;
  /** Objects held by a finalizer, by its name. */
  finalizers: Map<string, number>;
  /** Deletions and lists that failed. */
  errors: string[];
}

export function emptyReport(): ContentReport {
  return { remaining: new Map(), finalizers: new Map(), errors: [] };
}

export function noteRemaining(report: ContentReport, resourceName: string, objects: readonly KubernetesObject[]): void {
  if (objects.length === 0) return;
  report.remaining.set(resourceName, objects.length);
  for (const object of objects) {
    for (const finalizer of object.metadata.finalizers ?? []) report.finalizers.set(finalizer, (report.finalizers.get(finalizer) ?? 0) + 1);
  }
}

export function isEmptied(report: ContentReport): boolean {
  return report.remaining.size === 0 && report.errors.length === 0;
}

/** The conditions that `kubectl describe namespace` shows while a namespace ends; the same array when nothing changed. */
export function namespaceConditions(before: readonly Condition[], report: ContentReport, now: Date): readonly Condition[] {
  const counted = (counts: ReadonlyMap<string, number>, word: string) =>
    [...counts]
      .map(([name, count]) => `${name} ${word} ${count} resource instances`)
      .sort()
      .join(', ');
  const wanted: [type: string, isTrue: boolean, reason: [string, string], message: [string, string]][] = [
    ['NamespaceDeletionDiscoveryFailure', false, ['DiscoveryFailed', 'ResourcesDiscovered'], ['', 'All resources successfully discovered']],
    [
      'NamespaceDeletionGroupVersionParsingFailure',
      false,
      ['GroupVersionParsingFailed', 'ParsedGroupVersions'],
      ['', 'All legacy kube types successfully parsed'],
    ],
    [
      'NamespaceDeletionContentFailure',
      report.errors.length > 0,
      ['ContentDeletionFailed', 'ContentDeleted'],
      [
        `Failed to delete all resource types, ${report.errors.length} remaining: ${report.errors.join(', ')}`,
        'All content successfully deleted, may be waiting on finalization',
      ],
    ],
    [
      'NamespaceContentRemaining',
      report.remaining.size > 0,
      ['SomeResourcesRemain', 'ContentRemoved'],
      [`Some resources are remaining: ${counted(report.remaining, 'has')}`, 'All content successfully removed'],
    ],
    [
      'NamespaceFinalizersRemaining',
      report.finalizers.size > 0,
      ['SomeFinalizersRemain', 'ContentHasNoFinalizers'],
      [
        `Some content in the namespace has finalizers remaining: ${counted(report.finalizers, 'in')}`,
        'All content-preserving finalizers finished',
      ],
    ],
  ];
  const after = wanted.map(([type, isTrue, reasons, messages]): Condition => {
    const known = before.find((condition) => condition.type === type);
    const status = isTrue ? 'True' : 'False';
    const lastTransitionTime = known?.status === status ? (known.lastTransitionTime ?? apiTime(now)) : apiTime(now);
    return { lastTransitionTime, message: isTrue ? messages[0] : messages[1], reason: isTrue ? reasons[0] : reasons[1], status, type };
  });
  return isDeepStrictEqual(after, before) ? before : after;
}
