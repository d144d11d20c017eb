import type { KubernetesObject } from '@palisade/kubernetes';
import { hasRules } from '../custom/schema.ts';
import type { Strategy } from '../strategy.ts';
import { formatTime } from '../time.ts';

/** Holds a definition until the last of its objects is gone. */
export const CLEANUP_FINALIZER = 'customresourcecleanup.apiextensions.k8s.io';

/** Names are accepted and the definition is established at once: nobody else hands out names here. */
export const definitionStrategy: Strategy = {
  admit(definition, _core, scope) {
    const versions: { name: string; schema?: { openAPIV3Schema?: object } }[] = definition['spec']?.versions ?? [];
    const unchecked = versions.filter((version) => hasRules(version.schema?.openAPIV3Schema ?? {})).map((version) => version.name);
    if (unchecked.length > 0) scope.warn(`x-kubernetes-validations of ${unchecked.join(', ')} are stored but not evaluated yet`);
  },
  check(definition) {
    if (definition['spec']?.conversion?.strategy !== 'Webhook') return [];
    return [
      {
        reason: 'FieldValueForbidden',
        message: 'Forbidden: conversion webhooks are not served: versions may differ in nothing but their name',
        field: 'spec.conversion.strategy',
      },
    ];
  },
  prepareForCreate(definition, core) {
    completeNames(definition);
    const lastTransitionTime = formatTime(core.clock());
    definition['status'] = {
      ...accepted(definition, []),
      conditions: [
        { lastTransitionTime, message: 'no conflicts found', reason: 'NoConflicts', status: 'True', type: 'NamesAccepted' },
        {
          lastTransitionTime,
          message: 'the initial names have been accepted',
          reason: 'InitialNamesAccepted',
          status: 'True',
          type: 'Established',
        },
      ],
    };
  },
  prepareForUpdate(definition, old) {
    completeNames(definition);
    definition['status'] = { ...definition['status'], ...accepted(definition, old['status']?.storedVersions ?? []) };
  },
};

function completeNames(definition: KubernetesObject): void {
  const names = definition['spec']?.names;
  if (names?.kind === undefined) return;
  names.singular ||= names.kind.toLowerCase();
  names.listKind ||= `${names.kind}List`;
}

function accepted(definition: KubernetesObject, storedBefore: readonly string[]): object {
  const spec = definition['spec'] ?? {};
  const storage = (spec.versions ?? []).find((version: { storage?: boolean }) => version.storage)?.name;
  const storedVersions = storage === undefined || storedBefore.includes(storage) ? storedBefore : [...storedBefore, storage];
  return { acceptedNames: spec.names, storedVersions };
}
