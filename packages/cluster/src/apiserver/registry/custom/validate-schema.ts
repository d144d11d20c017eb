import { isIPv4, isIPv6 } from 'node:net';
import type { StatusCause } from '@palisade/kubernetes';
import { isStruct, type JsonSchema, ownProperty } from './schema.ts';

/** What is wrong with a value, in the words of kube-openapi's validator; empty when it fits. */
export function checkValue(schema: JsonSchema, value: unknown, path: string): StatusCause[] {
  const causes: StatusCause[] = [];
  const invalid = (text: string) =>
    causes.push({ reason: 'FieldValueInvalid', message: `Invalid value: ${show(value)}: ${path} in body ${text}`, field: path });
  if (value === null && schema.nullable === true) return causes;
  const wrongType = typeError(schema, value);
  if (wrongType !== undefined) {
    const found = JSON.stringify(typeName(value));
    return [
      {
        reason: 'FieldValueTypeInvalid',
        message: `Invalid value: ${found}: ${path} in body must be of type ${wrongType}: ${found}`,
        field: path,
      },
    ];
  }
  if (schema.enum !== undefined && !schema.enum.some((one) => JSON.stringify(one) === JSON.stringify(value))) {
    const supported = schema.enum.map((one) => JSON.stringify(one)).join(', ');
    causes.push({
      reason: 'FieldValueNotSupported',
      message: `Unsupported value: ${JSON.stringify(value)}: supported values: ${supported}`,
      field: path,
    });
  }
  if (typeof value === 'number') for (const text of numberFaults(schema, value)) invalid(text);
  if (typeof value === 'string') {
    const length = [...value].length;
    if (schema.minLength !== undefined && length < schema.minLength) invalid(`should be at least ${schema.minLength} chars long`);
    if (schema.maxLength !== undefined && length > schema.maxLength) {
      causes.push({ reason: 'FieldValueTooLong', message: `Too long: may not be more than ${schema.maxLength} bytes`, field: path });
    }
    if (schema.pattern !== undefined && !compilePattern(schema.pattern).test(value)) invalid(`should match '${schema.pattern}'`);
    const format = schema.format === undefined ? undefined : FORMATS[schema.format];
    if (format !== undefined && !format(value)) {
      const message = `Invalid value: ${show(value)}: ${path} in body must be of type ${schema.format}: ${JSON.stringify(value)}`;
      causes.push({ reason: 'FieldValueTypeInvalid', message, field: path });
    }
  }
  if (Array.isArray(value)) {
    if (schema.minItems !== undefined && value.length < schema.minItems) {
      const message = `Invalid value: ${value.length}: ${path} in body should have at least ${schema.minItems} items`;
      causes.push({ reason: 'FieldValueInvalid', message, field: path });
    }
    if (schema.maxItems !== undefined && value.length > schema.maxItems) {
      causes.push({
        reason: 'FieldValueTooMany',
        message: `Too many: ${value.length}: must have at most ${schema.maxItems} items`,
        field: path,
      });
    }
    if (schema.items !== undefined)
      for (const [i, item] of value.entries()) causes.push(...checkValue(schema.items, item, `${path}[${i}]`));
    causes.push(...duplicates(schema, value, path));
  }
  if (isStruct(value)) causes.push(...structFaults(schema, value, path));
  causes.push(...combinationFaults(schema, value, path));
  return causes;
}

/** Elements of a set, or of a list with keys, that are there twice. */
function duplicates(schema: JsonSchema, value: readonly unknown[], path: string): StatusCause[] {
  const listType = schema['x-kubernetes-list-type'];
  if (listType !== 'set' && listType !== 'map') return [];
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const idOf = (item: unknown): unknown => {
    if (listType === 'set' || !isStruct(item)) return item;
    const given = keys.map((key) => [key, item[key] ?? schema.items?.properties?.[key]?.default] as const);
    return Object.fromEntries(given.filter(([, one]) => one !== undefined));
  };
  const seen = new Set<string>();
  return value.flatMap((item, i): StatusCause[] => {
    const id = JSON.stringify(idOf(item));
    if (!seen.has(id)) {
      seen.add(id);
      return [];
    }
    return [{ reason: 'FieldValueDuplicate', message: `Duplicate value: ${id}`, field: `${path}[${i}]` }];
  });
}

function structFaults(schema: JsonSchema, value: Record<string, unknown>, path: string): StatusCause[] {
  const causes: StatusCause[] = [];
  const count = Object.keys(value).length;
  const below = (name: string) => (path === '' ? name : `${path}.${name}`);
  if (schema['x-kubernetes-embedded-resource'] === true) {
    for (const name of ['apiVersion', 'kind'])
      if (!value[name]) causes.push({ reason: 'FieldValueRequired', message: 'Required value', field: below(name) });
  }
  const invalid = (text: string) =>
    causes.push({ reason: 'FieldValueInvalid', message: `Invalid value: ${count}: ${path} in body ${text}`, field: path });
  if (schema.minProperties !== undefined && count < schema.minProperties)
    invalid(`should have at least ${schema.minProperties} properties`);
  if (schema.maxProperties !== undefined && count > schema.maxProperties) {
    causes.push({
      reason: 'FieldValueTooMany',
      message: `Too many: ${count}: must have at most ${schema.maxProperties} items`,
      field: path,
    });
  }
  for (const name of schema.required ?? []) {
    if (!Object.hasOwn(value, name)) causes.push({ reason: 'FieldValueRequired', message: 'Required value', field: below(name) });
  }
  for (const [name, child] of Object.entries(value)) {
    const property = ownProperty(schema, name);
    if (property !== undefined) causes.push(...checkValue(property, child, below(name)));
  }
  return causes;
}

/** allOf, anyOf, oneOf and not: structural schemas use them for values only. */
function combinationFaults(schema: JsonSchema, value: unknown, path: string): StatusCause[] {
  const causes: StatusCause[] = (schema.allOf ?? []).flatMap((one) => checkValue(one, value, path));
  const fits = (one: JsonSchema) => checkValue(one, value, path).length === 0;
  const invalid = (text: string) =>
    causes.push({ reason: 'FieldValueInvalid', message: `Invalid value: "": ${JSON.stringify(path)} ${text}`, field: '<nil>' });
  // The int-or-string shape is written as anyOf in generated schemas; the extension already says it.
  if (schema.anyOf !== undefined && schema['x-kubernetes-int-or-string'] !== true && !schema.anyOf.some(fits)) {
    invalid('must validate at least one schema (anyOf)');
  }
  if (schema.oneOf !== undefined) {
    const matching = schema.oneOf.filter(fits).length;
    if (matching === 0) {
      invalid('must validate one and only one schema (oneOf). Found none valid');
      causes.push(...checkValue(schema.oneOf[0] ?? {}, value, path));
    } else if (matching > 1) invalid(`must validate one and only one schema (oneOf). Found ${matching} valid alternatives`);
  }
  if (schema.not !== undefined && fits(schema.not)) invalid('must not validate the schema (not)');
  return causes;
}

function numberFaults(schema: JsonSchema, value: number): string[] {
  const { minimum, maximum, multipleOf } = schema;
  const faults: string[] = [];
  if (minimum !== undefined && (schema.exclusiveMinimum ? value <= minimum : value < minimum)) {
    faults.push(`should be greater than ${schema.exclusiveMinimum ? '' : 'or equal to '}${minimum}`);
  }
  if (maximum !== undefined && (schema.exclusiveMaximum ? value >= maximum : value > maximum)) {
    faults.push(`should be less than ${schema.exclusiveMaximum ? '' : 'or equal to '}${maximum}`);
  }
  if (multipleOf !== undefined && value % multipleOf !== 0) faults.push(`should be a multiple of ${multipleOf}`);
  return faults;
}

/** The type wanted when it is not the type found. */
function typeError(schema: JsonSchema, value: unknown): string | undefined {
  if (schema['x-kubernetes-int-or-string'] === true)
    return typeof value === 'string' || Number.isInteger(value) ? undefined : 'integer,string';
  const { type } = schema;
  if (type === undefined) return undefined;
  const found = typeName(value);
  return found === type || (type === 'number' && found === 'integer') ? undefined : type;
}

function typeName(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}

/** Go prints composite values by their type's name only. */
function show(value: unknown): string {
  return typeof value === 'object' && value !== null ? JSON.stringify(typeName(value)) : JSON.stringify(value);
}

const PATTERNS = new Map<string, RegExp>();

/** Patterns are RE2's, whose common part V8 reads alike. They come from whoever may define resources, not from whoever uses them. */
function compilePattern(pattern: string): RegExp {
  let compiled = PATTERNS.get(pattern);
  if (compiled === undefined) {
    try {
      compiled = new RegExp(pattern, 'u');
    } catch {
      compiled = new RegExp(pattern);
    }
    PATTERNS.set(pattern, compiled);
  }
  return compiled;
}

/** Formats that are checked; the real server, too, takes others as remarks. */
const FORMATS: Readonly<Record<string, (text: string) => boolean>> = {
  'date-time': (text) => /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/.test(text) && !Number.isNaN(Date.parse(text)),
  date: (text) => /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text)),
  ipv4: isIPv4,
  ipv6: isIPv6,
  uuid: (text) => /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i.test(text),
  byte: (text) => /^[A-Za-z0-9+/]*={0,2}$/.test(text) && text.length % 4 === 0,
};
