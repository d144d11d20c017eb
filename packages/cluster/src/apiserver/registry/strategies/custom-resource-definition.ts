import type { KubernetesObject, StatusCause } from '@palisade/kubernetes';
import type { ValidationRule } from '../../cel/rule.ts';
import { compileSchemaRules } from '../../cel/schema-rules.ts';
import type { Core } from '../../core.ts';
import { isStruct, type JsonSchema, prune } from '../custom/schema.ts';
import { checkValue } from '../custom/validate-schema.ts';
import type { Strategy } from '../strategy.ts';
import { formatTime } from '../time.ts';

const DEFINITIONS = 'customresourcedefinitions.apiextensions.k8s.io';

/** Holds a definition until the last of its objects is gone. */
export const CLEANUP_FINALIZER = 'customresourcecleanup.apiextensions.k8s.io';

/** The definition is established at once when its names are free; one whose names are taken stays, and is not served. */
export const definitionStrategy: Strategy = {
  check: (definition) => [...conversionFaults(definition), ...defaultFaults(definition), ...ruleFaults(definition)],
  prepareForCreate(definition, core) {
    completeNames(definition);
    const lastTransitionTime = formatTime(core.clock());
    const conflict = nameConflict(definition, core);
    const accepted = conflict ?? { status: 'True', reason: 'NoConflicts', message: 'no conflicts found' };
    const established =
      conflict === undefined
        ? { status: 'True', reason: 'InitialNamesAccepted', message: 'the initial names have been accepted' }
        : { status: 'False', reason: 'NotAccepted', message: 'not all names are accepted' };
    definition['status'] = {
      ...statusOf(definition, []),
      ...(conflict === undefined ? {} : { acceptedNames: { plural: definition['spec'].names.plural, kind: '' } }),
      conditions: [
        { lastTransitionTime, ...accepted, type: 'NamesAccepted' },
        { lastTransitionTime, ...established, type: 'Established' },
      ],
    };
  },
  prepareForUpdate(definition, old) {
    completeNames(definition);
    const { acceptedNames, storedVersions } = statusOf(definition, old['status']?.storedVersions ?? []);
    const isAccepted = old['status']?.acceptedNames?.kind !== '';
    definition['status'] = { ...definition['status'], ...(isAccepted ? { acceptedNames } : {}), storedVersions };
  },
};

interface Names {
  readonly plural: string;
  readonly singular?: string;
  readonly kind: string;
  readonly listKind?: string;
  readonly shortNames?: readonly string[];
}

/** The last of the definition's names that another one of its group has. */
function nameConflict(definition: KubernetesObject, core: Core): { status: 'False'; reason: string; message: string } | undefined {
  const { group, names } = definition['spec'] as { group: string; names: Names };
  const others = core.store
    .list(DEFINITIONS)
    .filter(({ object, name }) => object['spec']?.group === group && name !== definition.metadata.name)
    .map(({ object }) => object['status']?.acceptedNames as Names | undefined);
  const resources = new Set(others.flatMap((one) => (one ? [one.plural, one.singular ?? '', ...(one.shortNames ?? [])] : [])));
  const kinds = new Set(others.flatMap((one) => (one ? [one.kind, one.listKind ?? ''] : [])));
  const asked = [
    ['PluralConflict', names.plural, resources],
    ['SingularConflict', names.singular ?? '', resources],
    ...(names.shortNames ?? []).map((short) => ['ShortNamesConflict', short, resources] as const),
    ['KindConflict', names.kind, kinds],
    ['ListKindConflict', names.listKind ?? '', kinds],
  ] as const;
  const [reason, name] = asked.findLast(([, one, taken]) => one !== '' && taken.has(one)) ?? [];
  return reason === undefined ? undefined : { status: 'False', reason, message: `${JSON.stringify(name)} is already in use` };
}

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

function statusOf(
  definition: KubernetesObject,
  storedBefore: readonly string[],
): { acceptedNames: unknown; storedVersions: readonly string[] } {
  const spec = definition['spec'] ?? {};
  const storage = (spec.versions ?? []).find((version: { storage?: boolean }) => version.storage)?.name;
  const storedVersions = storage === undefined || storedBefore.includes(storage) ? storedBefore : [...storedBefore, storage];
  return { acceptedNames: spec.names, storedVersions };
}
