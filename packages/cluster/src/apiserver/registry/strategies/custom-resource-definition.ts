import type { KubernetesObject, StatusCause } from '@palisade/kubernetes';
import { compileSchemaRules } from '../../cel/schema-rules.ts';
import type { JsonSchema } from '../custom/schema.ts';
import type { Strategy } from '../strategy.ts';
import { formatTime } from '../time.ts';

/** Holds a definition until the last of its objects is gone. */
export const CLEANUP_FINALIZER = 'customresourcecleanup.apiextensions.k8s.io';

/** Names are accepted and the definition is established at once: nobody else hands out names here. */
export const definitionStrategy: Strategy = {
  check: (definition) => [...conversionFaults(definition), ...ruleFaults(definition)],
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

function conversionFaults(definition: KubernetesObject): StatusCause[] {
  if (definition['spec']?.conversion?.strategy !== 'Webhook') return [];
  return [
    {
      reason: 'FieldValueForbidden',
      message: 'Forbidden: conversion webhooks are not served: versions may differ in nothing but their name',
      field: 'spec.conversion.strategy',
    },
  ];
}

/** Rules that do not compile would never be asked: the definition is refused. */
function ruleFaults(definition: KubernetesObject): StatusCause[] {
  const versions: { schema?: { openAPIV3Schema?: JsonSchema } }[] = definition['spec']?.versions ?? [];
  return versions.flatMap(({ schema }, i) => {
    const causes: StatusCause[] = [];
    // The only version's schema is reported where v1beta1 kept it.
    const at = versions.length === 1 ? 'spec.validation.openAPIV3Schema' : `spec.versions[${i}].schema.openAPIV3Schema`;
    if (schema?.openAPIV3Schema !== undefined) {
      compileSchemaRules(schema.openAPIV3Schema, (path, rule, error) => {
        const field = `${at}${path}.${error.at}`;
        causes.push({
          reason: 'FieldValueInvalid',
          message: `Invalid value: ${JSON.stringify(rule[error.at] ?? '')}: ${error.message}`,
          field,
        });
      });
    }
    return causes;
  });
}

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
