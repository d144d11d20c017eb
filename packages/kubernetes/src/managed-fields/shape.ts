import type { Definition, FieldSchema, ScalarKind, TypeSchema } from '../schema/definitions.ts';
import type { SchemaRegistry } from '../schema/registry.ts';

/**
 * How values of a type merge and are owned (structured-merge-diff): a `leaf` as a whole, a `struct` and a `map` field by field, a
 * `keyed` list element by element, a `set` value by value. A struct's `others` are fields its type does not name. `open` is what no schema describes: objects field by field, the rest whole.
 */
export type Shape =
  | { readonly kind: 'leaf'; readonly holds: LeafType }
  | { readonly kind: 'open' }
  | { readonly kind: 'struct'; field(name: string): Shape | undefined; readonly others?: Shape }
  | { readonly kind: 'map'; readonly value: Shape }
  | {
      readonly kind: 'keyed';
      readonly item: Shape;
      readonly keys: readonly string[];
      readonly keyDefaults: Readonly<Record<string, unknown>>;
    }
  | { readonly kind: 'set'; readonly item: Shape };

/** What stands in a leaf; a list and a struct that are owned as a whole say what is inside. */
export type LeafType = 'string' | 'numeric' | 'boolean' | 'scalar' | 'any' | { readonly list: Shape } | { readonly struct: Shape };

export const leafOf = (holds: LeafType): Shape => ({ kind: 'leaf', holds });
/** Owned as a whole, whatever it is. */
export const LEAF: Shape = leafOf('any');
export const OPEN: Shape = { kind: 'open' };

const shapes = new WeakMap<SchemaRegistry, Map<string, Shape>>();

/** The shape of a built-in definition, by its full OpenAPI name. */
export function builtinShape(schemas: SchemaRegistry, name: string): Shape {
  let known = shapes.get(schemas);
  if (known === undefined) {
    known = new Map();
    shapes.set(schemas, known);
  }
  let shape = known.get(name);
  if (shape === undefined) {
    shape = definitionShape(schemas, schemas.definition(name));
    known.set(name, shape);
  }
  return shape;
}

function definitionShape(schemas: SchemaRegistry, definition: Definition): Shape {
  if (definition.primitive !== undefined || definition.fields.size === 0) return LEAF;
  const fields = new Map<string, Shape>();
  const shape: Shape = {
    kind: 'struct',
    field(name) {
      const field = definition.fields.get(name);
      if (field === undefined) return undefined;
      let shape = fields.get(name);
      if (shape === undefined) {
        shape = fieldShape(schemas, field);
        fields.set(name, shape);
      }
      return shape;
    },
  };
  return definition.mapType === 'atomic' ? leafOf({ struct: shape }) : shape;
}

function fieldShape(schemas: SchemaRegistry, field: FieldSchema): Shape {
  const { type, listType, listMapKeys, mapType } = field;
  const own = typeShape(schemas, type);
  if (mapType === 'atomic') return own.kind === 'leaf' ? own : leafOf({ struct: own });
  if (type.kind !== 'list') return own;
  if (listType === 'set') return { kind: 'set', item: typeShape(schemas, type.item) };
  if (listType !== 'map' || listMapKeys === undefined || type.item.kind !== 'ref') return own;
  const item = schemas.definition(type.item.name);
  const keyDefaults: Record<string, unknown> = {};
  for (const key of listMapKeys) {
    const fallback = item.fields.get(key)?.default;
    if (fallback !== undefined) keyDefaults[key] = fallback;
  }
  return { kind: 'keyed', item: typeShape(schemas, type.item), keys: listMapKeys, keyDefaults };
}

function typeShape(schemas: SchemaRegistry, type: TypeSchema): Shape {
  switch (type.kind) {
    case 'ref':
      return builtinShape(schemas, type.name);
    case 'map':
      return { kind: 'map', value: typeShape(schemas, type.value) };
    case 'list':
      return leafOf({ list: typeShape(schemas, type.item) });
    default:
      return leafOf(LEAF_TYPES[type.kind]);
  }
}

/** As kube-openapi's `schemaconv` reads the types of the published schemas: quantities, times and their kin may be any scalar. */
const LEAF_TYPES: Readonly<Record<ScalarKind, LeafType>> = {
  string: 'string',
  bytes: 'string',
  bool: 'boolean',
  int32: 'numeric',
  int64: 'numeric',
  double: 'numeric',
  quantity: 'scalar',
  time: 'scalar',
  microTime: 'scalar',
  intOrString: 'scalar',
  duration: 'string',
  object: 'any',
  any: 'any',
};

/** An object of this kind with nothing set, as Go writes it: what a new object is compared with. */
export function emptyBuiltin(schemas: SchemaRegistry, definition: Definition): Record<string, unknown> {
  const empty: Record<string, unknown> = {};
  for (const field of definition.fields.values()) {
    const { type, pointer } = field;
    if (!pointer && type.kind === 'ref') {
      const inner = schemas.definition(type.name);
      if (inner.primitive === undefined) empty[field.name] = emptyBuiltin(schemas, inner);
    } else if (isWrittenWhenZero(field)) empty[field.name] = pointer ? null : (ZERO[type.kind] ?? null);
  }
  return empty;
}

/** "omitempty" leaves no struct out, and times are structs. */
function isWrittenWhenZero({ type, pointer, omitEmpty, omitZero }: FieldSchema): boolean {
  const isTime = type.kind === 'time' || type.kind === 'microTime';
  return !omitEmpty || (isTime && !pointer && !omitZero);
}

/** What has no zero of its own is null. */
const ZERO: Readonly<Record<string, unknown>> = { string: '', int32: 0, int64: 0, double: 0, bool: false, quantity: '0', intOrString: 0 };

/** One element of a container: its name in FieldsV1, its shape, its value. */
export type Element = readonly [key: string, shape: Shape, value: unknown];

export function isStruct(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The parts of a value that are owned one by one; undefined when it is owned as a whole. */
export function elementsOf(shape: Shape, value: unknown): Element[] | undefined {
  switch (shape.kind) {
    case 'leaf':
      return undefined;
    case 'keyed':
      return Array.isArray(value) ? value.map((item) => [itemKey(shape, item), shape.item, item]) : undefined;
    case 'set':
      return Array.isArray(value) ? value.map((item) => [`v:${JSON.stringify(item)}`, shape.item, item]) : undefined;
    default:
      if (!isStruct(value)) return undefined;
      return Object.entries(value).map(([name, child]) => [`f:${name}`, childShape(shape, name), child]);
  }
}

export function childShape(shape: Shape, name: string): Shape {
  switch (shape.kind) {
    case 'struct':
      return shape.field(name) ?? shape.others ?? OPEN;
    case 'map':
      return shape.value;
    default:
      return OPEN;
  }
}

/** Whether the type itself names the field: it is there as soon as something in it is. */
export function isNamedField(shape: Shape, key: string): boolean {
  return shape.kind === 'struct' && key.startsWith('f:') && shape.field(key.slice(2)) !== undefined;
}

/** `k:{"port":80,"protocol":"TCP"}`: keys by name, absent ones by their default. */
export function itemKey({ keys, keyDefaults }: Extract<Shape, { kind: 'keyed' }>, item: unknown): string {
  const found: Record<string, unknown> = {};
  for (const key of keys.toSorted()) {
    const value = isStruct(item) ? (item[key] ?? keyDefaults[key]) : undefined;
    if (value !== undefined) found[key] = value;
  }
  return `k:${JSON.stringify(found)}`;
}
