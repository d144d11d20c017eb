import { isDeepStrictEqual } from 'node:util';
import type { KubernetesObject, StatusCause } from '@palisade/kubernetes';
import { costFault, SCHEMA_COST_LIMIT } from '../../cel/cost/limits.ts';
import { compileSchemaRules } from '../../cel/schema-rules.ts';
import { isStruct, type JsonSchema, prune, type ValidationRule } from '../custom/schema.ts';
import { checkValue } from '../custom/validate-schema.ts';
import { settleNames } from './definition-names.ts';
import type { Strategy } from './strategy.ts';

/** Holds a definition until the last of its objects is gone. */
export const CLEANUP_FINALIZER = 'customresourcecleanup.apiextensions.k8s.io';

export const definitionStrategy: Strategy = {
  check: (definition, old) => [...conversionFaults(definition), ...defaultFaults(definition), ...ruleFaults(definition, old)],
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

/** Of the rules of a schema that costs too much, as many of the dearest are named. */
const NAMED_RULES = 4;

/** Rules that do not compile would never be asked, and those that cost too much would be asked for too long: the definition is refused. */
function ruleFaults(definition: KubernetesObject, old: KubernetesObject | undefined): StatusCause[] {
  const versions = versionsOf(definition);
  return versions.flatMap(({ name, schema }, i) => {
    // The only version's schema is reported where v1beta1 kept it.
    const at = versions.length === 1 ? 'spec.validation.openAPIV3Schema' : `spec.versions[${i}].schema.openAPIV3Schema`;
    if (schema?.openAPIV3Schema === undefined) return [];
    const before = old && versionsOf(old).find((version) => version.name === name)?.schema;
    return schemaRuleFaults(schema.openAPIV3Schema, at, before !== undefined && isDeepStrictEqual(before, schema));
  });
}

/** @param isUnchanged what a rule costs by itself was judged before */
function schemaRuleFaults(schema: JsonSchema, at: string, isUnchanged: boolean): StatusCause[] {
  const causes: StatusCause[] = [];
  const costs: { field: string; cost: number }[] = [];
  compileSchemaRules(schema, {
    fault(path, rule, error) {
      const field = `${at}${path}.${error.at}`;
      if (error.kind === 'cost') {
        if (!isUnchanged) causes.push({ reason: 'FieldValueForbidden', message: `Forbidden: ${error.message}`, field });
        return;
      }
      // That there is no rule at all was said before.
      if (!rule.rule?.trim()) return;
      const value = error.kind === 'compile' ? printedRule(rule) : JSON.stringify(error.at === 'rule' ? rule.rule : rule.optionalOldSelf);
      const why = error.message.replace(/(within )(.*)$/, (_, words: string, inner: string) => `${words}${at}${inner}`);
      const told = error.kind === 'compile' ? error.message : why;
      causes.push({ reason: 'FieldValueInvalid', message: `Invalid value: ${value}: ${told}`, field });
    },
    cost: (path, field, cost) => costs.push({ field: `${at}${path}.${field}`, cost }),
  });
  const total = costs.reduce((sum, { cost }) => sum + cost, 0);
  if (total <= SCHEMA_COST_LIMIT) return causes;
  const dearest = costs.filter(({ cost }) => cost >= SCHEMA_COST_LIMIT / 100).toSorted((a, b) => b.cost - a.cost);
  const message = 'Forbidden: contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema';
  const what = 'x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema';
  return [
    ...causes,
    ...dearest.slice(0, NAMED_RULES).map(({ field }): StatusCause => ({ reason: 'FieldValueForbidden', message, field })),
    { reason: 'FieldValueForbidden', message: `Forbidden: ${costFault(what, total, SCHEMA_COST_LIMIT)}`, field: at },
  ];
}

function versionsOf(definition: KubernetesObject): { name?: string; schema?: { openAPIV3Schema?: JsonSchema } }[] {
  return definition['spec']?.versions ?? [];
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
