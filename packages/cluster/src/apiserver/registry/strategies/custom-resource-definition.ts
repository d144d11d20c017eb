import type { KubernetesObject, StatusCause } from '@palisade/kubernetes';
import type { ValidationRule } from '../../cel/rule.ts';
import { compileSchemaRules } from '../../cel/schema-rules.ts';
import { isStruct, type JsonSchema, prune } from '../custom/schema.ts';
import { checkValue } from '../custom/validate-schema.ts';
import type { Strategy } from '../strategy.ts';
import { settleNames } from './definition-names.ts';

/** Holds a definition until the last of its objects is gone. */
export const CLEANUP_FINALIZER = 'customresourcecleanup.apiextensions.k8s.io';

export const definitionStrategy: Strategy = {
  check: (definition) => [...conversionFaults(definition), ...defaultFaults(definition), ...ruleFaults(definition)],
  prepareForCreate(definition) {
    completeNames(definition);
    definition['status'] = { conditions: null, acceptedNames: { plural: '', kind: '' }, storedVersions: storedVersions(definition, []) };
  },
  prepareForUpdate(definition, old) {
    completeNames(definition);
    definition['status'] = { ...old['status'], storedVersions: storedVersions(definition, old['status']?.storedVersions ?? []) };
  },
  stored: (definition, _, core) => settleNames(core, definition['spec'].group),
  removed: (definition, core) => settleNames(core, definition['spec'].group),
};

/** Defaults are values like any other: they fit their own schema, and hold nothing that pruning would take away. */
function defaultFaults(definition: KubernetesObject): StatusCause[] {
  const versions: { schema?: { openAPIV3Schema?: JsonSchema } }[] = definition['spec']?.versions ?? [];
  return versions.flatMap(({ schema }, i) => {
    const at = versions.length === 1 ? 'spec.validation.openAPIV3Schema' : `spec.versions[${i}].schema.openAPIV3Schema`;
    return schema?.openAPIV3Schema === undefined ? [] : faultsOfDefaults(schema.openAPIV3Schema, at);
  });
}

function faultsOfDefaults(schema: JsonSchema, at: string): StatusCause[] {
  const causes: StatusCause[] = [];
  if (schema.default !== undefined) {
    const field = `${at}.default`;
    let hasUnknown = false;
    prune(schema, structuredClone(schema.default), '', false, () => {
      hasUnknown = true;
    });
    if (hasUnknown) {
      const message = `Invalid value: ${JSON.stringify(schema.default)}: must not have unknown fields`;
      causes.push({ reason: 'FieldValueInvalid', message, field });
    } else
      causes.push(
        ...checkValue(schema, schema.default, '').map((cause) => ({ ...cause, field: `${field}${cause.field ? `.${cause.field}` : ''}` })),
      );
  }
  for (const [name, property] of Object.entries(schema.properties ?? {}))
    causes.push(...faultsOfDefaults(property, `${at}.properties[${name}]`));
  if (isStruct(schema.items)) causes.push(...faultsOfDefaults(schema.items as JsonSchema, `${at}.items`));
  if (typeof schema.additionalProperties === 'object')
    causes.push(...faultsOfDefaults(schema.additionalProperties, `${at}.additionalProperties`));
  return causes;
}

function conversionFaults(definition: KubernetesObject): StatusCause[] {
  const { strategy, webhook } = definition['spec']?.conversion ?? {};
  if (strategy !== 'Webhook' || !webhook?.clientConfig) return [];
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
        // That there is no rule at all was said before.
        if (rule.rule?.trim())
          causes.push({ reason: 'FieldValueInvalid', message: `Invalid value: ${printedRule(rule)}: ${error.message}`, field });
      });
    }
    return causes;
  });
}

/** How Go's internal type prints. */
function printedRule({ rule, message = '', messageExpression = '', reason, fieldPath = '', optionalOldSelf }: ValidationRule): string {
  const fields = {
    Rule: rule,
    Message: message,
    MessageExpression: messageExpression,
    Reason: reason ?? null,
    FieldPath: fieldPath,
    OptionalOldSelf: optionalOldSelf ?? null,
  };
  return JSON.stringify(fields).replace(/[<>&]/g, (c) => `\\u00${c.charCodeAt(0).toString(16)}`);
}

function completeNames(definition: KubernetesObject): void {
  const names = definition['spec']?.names;
  if (names?.kind === undefined) return;
  names.singular ||= names.kind.toLowerCase();
  names.listKind ||= `${names.kind}List`;
}

/** Every version that was ever the storage version: objects may still be stored in it. */
function storedVersions({ spec }: KubernetesObject, before: readonly string[]): readonly string[] {
  const storage = (spec?.versions ?? []).find((version: { storage?: boolean }) => version.storage)?.name;
  return storage === undefined || before.includes(storage) ? before : [...before, storage];
}
