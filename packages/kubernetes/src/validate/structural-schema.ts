import type { Struct } from '../defaults/value.ts';
import type { Findings } from './findings.ts';

/**
 * Structural schemas of CustomResourceDefinitions (apiextensions `schema` and `validation`): each object, field and list element names
 * its type once, outside of `allOf` and its kin, so that values can be pruned, defaulted and merged.
 */

const TYPES = ['array', 'boolean', 'integer', 'number', 'object', 'string'];
const LIST_TYPES = ['atomic', 'set', 'map'];
const MAP_TYPES = ['atomic', 'granular'];
const REASONS = ['FieldValueDuplicate', 'FieldValueForbidden', 'FieldValueInvalid', 'FieldValueRequired'];
const JUNCTORS = ['allOf', 'anyOf', 'oneOf'] as const;
/** What `allOf` and its kin may only say of values, never of their shape. */
const SHAPE_FIELDS = ['type', 'title', 'description', 'default', 'nullable', 'additionalProperties'] as const;

const PRESERVE = 'x-kubernetes-preserve-unknown-fields';
const EMBEDDED = 'x-kubernetes-embedded-resource';
const INT_OR_STRING = 'x-kubernetes-int-or-string';
const LIST_KEYS = 'x-kubernetes-list-map-keys';

const isTyped = (schema: Struct): boolean => Boolean(schema['type']) || schema[INT_OR_STRING] === true || schema[PRESERVE] === true;
const entries = (value: unknown): [string, Struct][] => Object.entries((value ?? {}) as Record<string, Struct>);

/** @param at path of the schema in the definition */
export function validateStructuralSchema(f: Findings, at: string, schema: Struct): void {
  const forbidden = findForbidden(schema, at);
  if (forbidden.length > 0) {
    for (const [field, why] of forbidden) f.forbidden(field, why);
    return;
  }
  node(f, at, schema, 'root');
  const metadata: Struct | undefined = schema['properties']?.metadata;
  const named = Object.keys(metadata?.['properties'] ?? {}).filter((name) => name !== 'name' && name !== 'generateName');
  if (named.length > 0) {
    const why = 'must not specify anything other than name and generateName, but metadata is implicitly specified';
    f.forbidden(`${at}.properties[metadata]`, why);
  }
}

/** Words of JSON Schema that no structural schema may use, wherever they stand. */
function findForbidden(schema: Struct, at: string): [field: string, why: string][] {
  const found: [string, string][] = [];
  if (schema['$ref']) found.push([`${at}.$ref`, '$ref is not supported']);
  if (schema['uniqueItems'] === true)
    found.push([`${at}.uniqueItems`, 'uniqueItems cannot be set to true since the runtime complexity becomes quadratic']);
  for (const [name, property] of entries(schema['properties'])) found.push(...findForbidden(property, `${at}.properties[${name}]`));
  const items: unknown = schema['items'];
  if (typeof items === 'object' && items !== null && !Array.isArray(items)) found.push(...findForbidden(items as Struct, `${at}.items`));
  return found;
}

type Place = 'root' | 'field' | 'item';

const EMPTY_TYPE: Readonly<Record<Place, string>> = {
  root: 'must not be empty at the root',
  field: 'must not be empty for specified object fields',
  item: 'must not be empty for specified array items',
};

function node(f: Findings, at: string, schema: Struct, place: Place): void {
  const type: unknown = schema['type'];
  if (!isTyped(schema)) {
    f.required(`${at}.type`, EMPTY_TYPE[place]);
    if (place === 'item') return;
  }
  if (place === 'root' && type && type !== 'object') f.invalid(`${at}.type`, type, 'must be object at the root');
  if (type && !TYPES.includes(String(type))) f.notSupported(`${at}.type`, type, TYPES);
  extensions(f, at, schema);
  pattern(f, at, schema);
  rules(f, at, schema);
  for (const [name, property] of entries(schema['properties'])) node(f, `${at}.properties[${name}]`, property, 'field');
  if (type === 'array' && !schema['items']) f.required(`${at}.items`, 'must be specified');
  const items: unknown = schema['items'];
  if (Array.isArray(items)) f.forbidden(`${at}.items`, 'items must be a schema object and not an array');
  else if (items !== undefined) node(f, `${at}.items`, items as Struct, 'item');
  const additional: unknown = schema['additionalProperties'];
  if (typeof additional === 'object' && additional !== null) {
    if (schema['properties']) f.forbidden(`${at}.additionalProperties`, 'additionalProperties and properties are mutual exclusive');
    node(f, `${at}.additionalProperties`, additional as Struct, 'field');
  }
  for (const junctor of JUNCTORS)
    for (const [i, inner] of ((schema[junctor] ?? []) as Struct[]).entries())
      if (schema[INT_OR_STRING] !== true || !saysIntOrString(junctor, schema[junctor], inner))
        valuesOnly(f, `${at}.${junctor}[${i}]`, inner);
  if (schema['not'] !== undefined) valuesOnly(f, `${at}.not`, schema['not'] as Struct);
}

/** `anyOf: [{type: integer}, {type: string}]`, itself or first in `allOf`: the one shape that is written there. */
function saysIntOrString(junctor: string, branches: readonly Struct[], inner: Struct): boolean {
  if (junctor === 'allOf') return inner === branches[0] && saysIntOrString('anyOf', inner['anyOf'] ?? [], {});
  return junctor === 'anyOf' && branches.length === 2 && branches[0]!['type'] === 'integer' && branches[1]!['type'] === 'string';
}

function valuesOnly(f: Findings, at: string, schema: Struct): void {
  for (const field of SHAPE_FIELDS)
    if (schema[field] !== undefined && schema[field] !== '') f.forbidden(`${at}.${field}`, 'must be empty to be structural');
  for (const [name, property] of entries(schema['properties'])) valuesOnly(f, `${at}.properties[${name}]`, property);
  if (schema['items'] !== undefined && !Array.isArray(schema['items'])) valuesOnly(f, `${at}.items`, schema['items'] as Struct);
}

function extensions(f: Findings, at: string, schema: Struct): void {
  if (schema[PRESERVE] === false) f.invalid(`${at}.${PRESERVE}`, false, 'must be true or undefined');
  if (schema[EMBEDDED] === true) {
    if (schema['type'] !== 'object')
      f.invalid(`${at}.type`, schema['type'] ?? '', 'must be object if x-kubernetes-embedded-resource is true');
    if (schema['properties'] === undefined && schema[PRESERVE] !== true) {
      const why = 'must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields';
      f.required(`${at}.properties`, why);
    }
  }
  const mapType: unknown = schema['x-kubernetes-map-type'];
  if (mapType !== undefined && !MAP_TYPES.includes(String(mapType))) f.notSupported(`${at}.x-kubernetes-map-type`, mapType, MAP_TYPES);
  const listType: unknown = schema['x-kubernetes-list-type'];
  if (listType !== undefined && !LIST_TYPES.includes(String(listType)))
    f.notSupported(`${at}.x-kubernetes-list-type`, listType, LIST_TYPES);
  if (listType === 'set') wholeItems(f, at, (schema['items'] ?? {}) as Struct);
  const keys: readonly string[] = schema[LIST_KEYS] ?? [];
  if (keys.length > 0 && listType !== 'map') {
    const why = 'must be map if x-kubernetes-list-map-keys is non-empty';
    if (listType === undefined) f.required(`${at}.x-kubernetes-list-type`, why);
    else f.invalid(`${at}.x-kubernetes-list-type`, listType, why);
  }
  if (listType !== 'map') return;
  if (keys.length === 0) f.required(`${at}.${LIST_KEYS}`, 'must not be empty if x-kubernetes-list-type is map');
  const items = (schema['items'] ?? {}) as Struct;
  const properties = (items['properties'] ?? {}) as Record<string, Struct>;
  if (keys.some((key) => !Object.hasOwn(properties, key)))
    f.invalid(`${at}.${LIST_KEYS}`, keys, 'entries must all be names of item properties');
  for (const key of keys) {
    const property = Object.hasOwn(properties, key) ? properties[key] : undefined;
    if (property === undefined || property['default'] !== undefined || (items['required'] ?? []).includes(key)) continue;
    const why = 'this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property';
    f.required(`${at}.items.properties[${key}].default`, why);
  }
}

/** Elements of a set are told apart as a whole. */
function wholeItems(f: Findings, at: string, items: Struct): void {
  const why = 'must be atomic as item of a list with x-kubernetes-list-type=set';
  const listType: unknown = items['x-kubernetes-list-type'];
  if (items['type'] === 'array' && listType !== undefined && listType !== 'atomic')
    f.invalid(`${at}.items.x-kubernetes-list-type`, listType, why);
  if (items['type'] === 'object' && items['x-kubernetes-map-type'] !== 'atomic') f.invalid(`${at}.items.x-kubernetes-map-type`, null, why);
}

function pattern(f: Findings, at: string, { pattern: text }: Struct): void {
  if (typeof text !== 'string') return;
  try {
    new RegExp(text, 'u');
  } catch {
    // Classes and groups that only Go's syntax has are judged when the definition is compiled.
    const groups = text.replace(/\\./g, '').replace(/\[[^\]]*(?:\]|$)/g, '');
    if (groups.split('(').length > groups.split(')').length)
      f.invalid(
        `${at}.pattern`,
        text,
        `must be a valid regular expression, but isn't: error parsing regexp: missing closing ): \`${text}\``,
      );
  }
}

/** What of `x-kubernetes-validations` can be judged without compiling it. */
function rules(f: Findings, at: string, schema: Struct): void {
  for (const [i, rule] of ((schema['x-kubernetes-validations'] ?? []) as Struct[]).entries()) {
    const place = `${at}.x-kubernetes-validations[${i}]`;
    if (String(rule['rule'] ?? '').trim() === '') f.required(`${place}.rule`, 'rule is not specified');
    const message: unknown = rule['message'];
    if (typeof message === 'string' && message.includes('\n')) f.invalid(`${place}.message`, message, 'must not contain line breaks');
    if (rule['reason'] !== undefined && !REASONS.includes(rule['reason'])) f.notSupported(`${place}.reason`, rule['reason'], REASONS);
    const path: unknown = rule['fieldPath'];
    if (typeof path === 'string' && path !== '' && !pathExists(schema, path)) f.invalid(`${place}.fieldPath`, path, 'must be a valid path');
  }
}

/** Whether `.a.b` names a field of the schema. */
export function pathExists(schema: Struct, path: string): boolean {
  const steps = [...path.matchAll(/\.([^.[\]]+)|\['([^']+)'\]/g)].map((match) => match[1] ?? match[2]!);
  if (steps.length === 0) return false;
  let at: Struct | undefined = schema;
  for (const step of steps) {
    const properties = (at?.['properties'] ?? {}) as Record<string, Struct>;
    const additional: unknown = at?.['additionalProperties'];
    at = Object.hasOwn(properties, step) ? properties[step] : typeof additional === 'object' ? (additional as Struct) : undefined;
    if (at === undefined) return false;
  }
  return true;
}
