import type { Definition } from './definitions.ts';
import type { SchemaRegistry } from './registry.ts';

type Struct = Record<string, unknown>;
type Fix = (value: Struct) => void;

const fixes = new WeakMap<SchemaRegistry, Map<string, Fix | undefined>>();

/**
 * Lists and maps that JSON always shows ("omitempty" is missing) are null when there is nothing in them: storage in protobuf, as the real
 * server has, knows no difference between an empty one and none.
 *
 * @returns changes an object of the definition in place; undefined when no such field is anywhere in it
 */
export function emptyListsOf(schemas: SchemaRegistry, definition: Definition): Fix | undefined {
  const known = fixes.get(schemas) ?? new Map<string, Fix | undefined>();
  fixes.set(schemas, known);
  if (known.has(definition.name)) return known.get(definition.name);
  // What contains itself is looked into once.
  known.set(definition.name, undefined);
  const steps: Fix[] = [];
  for (const { name, type, omitEmpty, pointer } of definition.fields.values()) {
    if ((type.kind === 'list' || type.kind === 'map') && !omitEmpty && !pointer) steps.push((value) => nullWhenEmpty(value, name));
    const [inner, each] = type.kind === 'list' ? [type.item, entries] : type.kind === 'map' ? [type.value, entries] : [type, itself];
    const fix = inner.kind === 'ref' ? emptyListsOf(schemas, schemas.definition(inner.name)) : undefined;
    if (fix === undefined) continue;
    steps.push((value) => {
      for (const part of each(value[name] ?? [])) if (typeof part === 'object' && part !== null) fix(part as Struct);
    });
  }
  const all: Fix = (value) => {
    for (const step of steps) step(value);
  };
  if (steps.length === 0) return undefined;
  known.set(definition.name, all);
  return all;
}

const entries = (value: unknown): unknown[] => Object.values(value as object);
const itself = (value: unknown): unknown[] => [value];

function nullWhenEmpty(value: Struct, name: string): void {
  const found = value[name];
  if (found === undefined || found === null || Object.keys(found as object).length === 0) value[name] = null;
}
