import type { StatusCause } from '@palisade/kubernetes';
import { isStruct, type JsonSchema, ownProperty } from './schema.ts';

/** What tells an element of a list with keys from the others; keys that are absent have their default. */
function keyOf({ items, 'x-kubernetes-list-map-keys': keys = [] }: JsonSchema, item: unknown): Record<string, unknown> {
  const given = keys.toSorted().map((key) => [key, (isStruct(item) ? item[key] : undefined) ?? items?.properties?.[key]?.default] as const);
  return Object.fromEntries(given.filter(([, one]) => one !== undefined));
}

/** Finds the element of the old list that a new one continues: where keys tell them apart. */
export function continuedBy(schema: JsonSchema, old: unknown): (item: unknown) => unknown {
  if (schema['x-kubernetes-list-type'] !== 'map' || !Array.isArray(old)) return () => undefined;
  const byKey = new Map(old.map((item: unknown) => [JSON.stringify(keyOf(schema, item)), item]));
  return (item) => byKey.get(JSON.stringify(keyOf(schema, item)));
}

/** Elements of sets, and of lists with keys, that are there twice (apiextensions `schema/listtype`). */
export function repeatedElements(schema: JsonSchema, value: unknown, path: string): StatusCause[] {
  if (isStruct(value)) {
    return Object.entries(value).flatMap(([name, child]) => {
      const property = ownProperty(schema, name);
      if (property === undefined) return [];
      const isNamed = schema.properties !== undefined && Object.hasOwn(schema.properties, name);
      return repeatedElements(property, child, isNamed ? (path === '' ? name : `${path}.${name}`) : `${path}[${name}]`);
    });
  }
  if (!Array.isArray(value)) return [];
  const { items } = schema;
  const inside = items === undefined ? [] : value.flatMap((item, i) => repeatedElements(items, item, `${path}[${i}]`));
  return [...repeatedIn(schema, value, path), ...inside];
}

function repeatedIn(schema: JsonSchema, value: readonly unknown[], path: string): StatusCause[] {
  const listType = schema['x-kubernetes-list-type'];
  if (listType !== 'set' && listType !== 'map') return [];
  if (listType === 'map') {
    const other = value.findIndex((item) => item !== null && !isStruct(item));
    const message = `Invalid value: ${JSON.stringify(value[other])}: must be an object for an array of list-type map`;
    if (other >= 0) return [{ reason: 'FieldValueInvalid', message, field: `${path}[${other}]` }];
  }
  const times = new Map<string, number>();
  return value.flatMap((item, i): StatusCause[] => {
    const id = JSON.stringify(listType === 'set' ? item : keyOf(schema, item));
    const seen = times.get(id) ?? 0;
    times.set(id, seen + 1);
    // It is said once, however often it is there.
    return seen === 1 ? [{ reason: 'FieldValueDuplicate', message: `Duplicate value: ${id}`, field: `${path}[${i}]` }] : [];
  });
}
