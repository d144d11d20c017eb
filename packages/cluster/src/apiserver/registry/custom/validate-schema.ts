import { isIPv4, isIPv6 } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import type { StatusCause } from '@palisade/kubernetes';
import { continuedBy } from './list-types.ts';
import { isStruct, type JsonSchema } from './schema.ts';

/**
 * What is wrong with a value, in the words and in the order of kube-openapi's validator; empty when it fits. Faults of fields come in
 * the order of the schema, where the real server has none.
 *
 * @param old the value before an update: what it leaves as it was is not held against it (CRDValidationRatcheting)
 */
export function checkValue(schema: JsonSchema, value: unknown, path: string, old?: unknown): StatusCause[] {
  const causes = faultsOf(schema, value, path, old);
  return causes.length > 0 && old !== undefined && isDeepStrictEqual(value, old) ? [] : causes;
}

function faultsOf(schema: JsonSchema, value: unknown, path: string, old: unknown): StatusCause[] {
  if (value === null) return [...(schema.nullable === true ? [] : typeFaults(schema, value, path)), ...enumFaults(schema, value, path)];
  return [
    ...typeFaults(schema, value, path),
    ...combinationFaults(schema, value, path, old),
    ...(typeof value === 'string' ? textFaults(schema, value, path) : []),
    ...(typeof value === 'number' ? numberFaults(schema, value, path) : []),
    ...(Array.isArray(value) ? listFaults(schema, value, path, old) : []),
    ...enumFaults(schema, value, path),
    ...(isStruct(value) ? structFaults(schema, value, path, old) : []),
  ];
}

const invalid = (path: string, shown: unknown, text: string): StatusCause => ({
  reason: 'FieldValueInvalid',
  message: `Invalid value: ${show(shown)}: ${path} in body ${text}`,
  field: path,
});

const tooMany = (path: string, count: number, max: number): StatusCause => ({
  reason: 'FieldValueTooMany',
  message: `Too many: ${count}: must have at most ${max} items`,
  field: path,
});

function typeFaults(schema: JsonSchema, value: unknown, path: string): StatusCause[] {
  const wrongType = typeError(schema, value);
  if (wrongType === undefined) return [];
  const found = JSON.stringify(typeName(value));
  const message = `Invalid value: ${found}: ${path} in body must be of type ${wrongType}: ${found}`;
  return [{ reason: 'FieldValueTypeInvalid', message, field: path }];
}

function enumFaults(schema: JsonSchema, value: unknown, path: string): StatusCause[] {
  // That null is among the values does not make it one.
  if (schema.enum === undefined || (value !== null && schema.enum.some((one) => isDeepStrictEqual(one, value)))) return [];
  const supported = schema.enum.map((one) => JSON.stringify(one)).join(', ');
  const message = `Unsupported value: ${JSON.stringify(value)}: supported values: ${supported}`;
  return [{ reason: 'FieldValueNotSupported', message, field: path }];
}

/** The first of length and pattern, and the format. */
function textFaults({ minLength, maxLength, pattern, format }: JsonSchema, value: string, path: string): StatusCause[] {
  const causes: StatusCause[] = [];
  const length = [...value].length;
  if (maxLength !== undefined && length > maxLength)
    causes.push({ reason: 'FieldValueTooLong', message: `Too long: may not be more than ${maxLength} bytes`, field: path });
  else if (minLength !== undefined && length < minLength) causes.push(invalid(path, value, `should be at least ${minLength} chars long`));
  else if (pattern && !compilePattern(pattern).test(value)) causes.push(invalid(path, value, `should match '${pattern}'`));
  const isFormed = format === undefined ? undefined : FORMATS[format];
  if (isFormed !== undefined && !isFormed(value)) {
    const message = `Invalid value: ${show(value)}: ${path} in body must be of type ${format}: ${JSON.stringify(value)}`;
    causes.push({ reason: 'FieldValueTypeInvalid', message, field: path });
  }
  return causes;
}

/** Bounds of a whole number are whole numbers: Go cuts off the rest. */
function numberFaults({ multipleOf, minimum, maximum, ...schema }: JsonSchema, value: number, path: string): StatusCause[] {
  const bound = (limit: number): number => (Number.isInteger(value) ? Math.trunc(limit) : limit);
  const causes: StatusCause[] = [];
  if (multipleOf !== undefined) {
    const factor = bound(multipleOf);
    if (factor <= 0) {
      const message = `Invalid value: ${factor}: factor MultipleOf declared for ${path} must be positive: ${factor}`;
      causes.push({ reason: 'FieldValueInvalid', message, field: path });
    } else if (!isWhole(factor < 1 ? (1 / factor) * value : value / factor))
      causes.push(invalid(path, value, `should be a multiple of ${factor}`));
  }
  if (minimum !== undefined && (schema.exclusiveMinimum ? value <= bound(minimum) : value < bound(minimum)))
    causes.push(invalid(path, value, `should be greater than ${schema.exclusiveMinimum ? '' : 'or equal to '}${bound(minimum)}`));
  if (maximum !== undefined && (schema.exclusiveMaximum ? value >= bound(maximum) : value > bound(maximum)))
    causes.push(invalid(path, value, `should be less than ${schema.exclusiveMaximum ? '' : 'or equal to '}${bound(maximum)}`));
  return causes;
}

/** Whole but for what binary fractions lose. */
const isWhole = (value: number): boolean => Math.abs(value - Math.round(value)) < 1e-9 * Math.max(1, Math.abs(value));

function listFaults(schema: JsonSchema, value: readonly unknown[], path: string, old: unknown): StatusCause[] {
  const { items, minItems, maxItems } = schema;
  const before = continuedBy(schema, old);
  const causes = items === undefined ? [] : value.flatMap((item, i) => checkValue(items, item, `${path}[${i}]`, before(item)));
  if (minItems !== undefined && value.length < minItems) causes.push(invalid(path, value.length, `should have at least ${minItems} items`));
  if (maxItems !== undefined && value.length > maxItems) causes.push(tooMany(path, value.length, maxItems));
  return causes;
}

function structFaults(schema: JsonSchema, value: Record<string, unknown>, path: string, old: unknown): StatusCause[] {
  const { minProperties, maxProperties, required = [], properties = {}, additionalProperties } = schema;
  const count = Object.keys(value).length;
  const below = (name: string) => (path === '' ? name : `${path}.${name}`);
  const check = (property: JsonSchema, name: string) =>
    checkValue(property, value[name], below(name), isStruct(old) && Object.hasOwn(old, name) ? old[name] : undefined);
  const others = Object.keys(value).filter((name) => !Object.hasOwn(properties, name));
  return [
    ...(minProperties !== undefined && count < minProperties
      ? [invalid(path, count, `should have at least ${minProperties} properties`)]
      : []),
    ...(maxProperties !== undefined && count > maxProperties ? [tooMany(path, count, maxProperties)] : []),
    ...(typeof additionalProperties === 'object' ? others.flatMap((name) => check(additionalProperties, name)) : []),
    ...Object.entries(properties).flatMap(([name, property]) => (Object.hasOwn(value, name) ? check(property, name) : [])),
    ...required
      .filter((name) => !Object.hasOwn(value, name))
      .map((name): StatusCause => ({ reason: 'FieldValueRequired', message: 'Required value', field: below(name) })),
  ];
}

/** allOf, anyOf, oneOf and not: structural schemas use them for values only. */
function combinationFaults(schema: JsonSchema, value: unknown, path: string, old: unknown): StatusCause[] {
  const causes: StatusCause[] = [];
  const judged = (branches: readonly JsonSchema[] = []) => branches.map((one) => checkValue(one, value, path, old));
  const refuse = (text: string, faults: readonly StatusCause[] = []) => {
    causes.push({ reason: 'FieldValueInvalid', message: `Invalid value: "": ${JSON.stringify(path)} ${text}`, field: '<nil>' }, ...faults);
  };
  const fits = (faults: readonly StatusCause[]) => faults.length === 0;
  const [any, one, all] = [judged(schema.anyOf), judged(schema.oneOf), judged(schema.allOf)];
  if (any.length > 0 && !any.some(fits)) refuse('must validate at least one schema (anyOf)', any[0]);
  const matching = one.filter(fits).length;
  if (one.length > 0 && matching === 0) refuse('must validate one and only one schema (oneOf). Found none valid', one[0]);
  else if (matching > 1) refuse(`must validate one and only one schema (oneOf). Found ${matching} valid alternatives`);
  causes.push(...all.flat());
  if (!all.every(fits)) refuse(`must validate all the schemas (allOf)${all.some(fits) ? '' : '. None validated'}`);
  if (schema.not !== undefined && checkValue(schema.not, value, path).length === 0) refuse('must not validate the schema (not)');
  return causes;
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
  email: (text) => /^[^\s@<>]+@[^\s@<>]+$/.test(text),
  hostname: (text) => text.length <= 255 && /^[a-z\d]([a-z\d-]{0,61}[a-z\d])?(\.[a-z\d]([a-z\d-]{0,61}[a-z\d])?)*\.?$/i.test(text),
  uri: (text) => URL.canParse(text) || text.startsWith('/'),
  mac: (text) => /^([\da-f]{2}[:-]){5}[\da-f]{2}$/i.test(text),
  ipv4: isIPv4,
  ipv6: isIPv6,
  uuid: (text) => /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i.test(text),
  byte: (text) => /^[A-Za-z0-9+/]*={0,2}$/.test(text) && text.length % 4 === 0,
};
