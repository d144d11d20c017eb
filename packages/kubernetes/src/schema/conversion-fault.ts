import type { GroupVersionKind } from '../object.ts';
import { readScalar } from './decode-scalar.ts';
import type { Definition, FieldSchema, ScalarKind, TypeSchema } from './definitions.ts';
import type { SchemaRegistry } from './registry.ts';

/**
 * Why a value that never was text cannot become an object of its kind, in the words of apimachinery's unstructured converter: what
 * strategic merge patches and server-side apply make goes that way, where JSON goes through `decodeStrict`.
 *
 * @returns the first fault in the order of the type's fields; undefined when there is none, or when the table does not know the kind
 */
export function findConversionFault(registry: SchemaRegistry, gvk: GroupVersionKind, value: unknown): string | undefined {
  const definition = registry.schemaFor(gvk);
  return definition === undefined ? undefined : structFault(registry, definition, value);
}

/** Go's kind of a JSON value. */
function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'slice';
  if (typeof value === 'object') return 'map';
  if (typeof value === 'number') return Number.isInteger(value) ? 'int64' : 'float64';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

function structFault(registry: SchemaRegistry, definition: Definition, value: unknown): string | undefined {
  if (kindOf(value) !== 'map') return `cannot restore struct from: ${kindOf(value)}`;
  for (const field of definition.fields.values()) {
    const fault = fieldFault(registry, field, (value as Record<string, unknown>)[field.name]);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function fieldFault(registry: SchemaRegistry, { type, goType }: FieldSchema, value: unknown): string | undefined {
  return typeFault(registry, type, goType, value);
}

function typeFault(registry: SchemaRegistry, type: TypeSchema, goType: string | undefined, value: unknown): string | undefined {
  if (value === null || value === undefined) return undefined;
  switch (type.kind) {
    case 'ref':
      return structFault(registry, registry.definition(type.name), value);
    case 'list':
      if (!Array.isArray(value)) return `cannot restore slice from ${kindOf(value)}`;
      return firstOf(value, (item) => typeFault(registry, type.item, undefined, item));
    case 'map':
      if (kindOf(value) !== 'map') return `cannot restore map from ${kindOf(value)}`;
      return firstOf(Object.values(value), (item) => typeFault(registry, type.value, undefined, item));
    default:
      return scalarFault(type.kind, goType, value);
  }
}

function firstOf(items: readonly unknown[], faultOf: (item: unknown) => string | undefined): string | undefined {
  for (const item of items) {
    const fault = faultOf(item);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** Go's kinds of the types that convert by themselves; the others read their own JSON. */
const KINDS: Readonly<Partial<Record<ScalarKind, string>>> = {
  string: 'string',
  bool: 'bool',
  int32: 'int32',
  int64: 'int64',
  double: 'float64',
};

function scalarFault(type: ScalarKind, goType: string | undefined, value: unknown): string | undefined {
  const read = readScalar(type, value);
  const wanted = KINDS[type];
  if ('value' in read) return undefined;
  const found = kindOf(value);
  if (wanted === undefined) {
    if (type === 'bytes') return found === 'string' ? `error decoding from json: ${read.refusal}` : `cannot restore slice from ${found}`;
    return (
      read.refusal ?? `json: cannot unmarshal ${jsonKindOf(value)} into Go value of type ${type === 'intOrString' ? 'int32' : 'string'}`
    );
  }
  // Go converts between numbers, and from whole numbers to text: these it names, and refuses.
  const isNamed = wanted === 'string' ? found === 'int64' : found === 'float64' && wanted.startsWith('int');
  return isNamed ? `cannot convert ${found} to ${goType ?? wanted}` : `unrecognized type: ${wanted}`;
}

function jsonKindOf(value: unknown): string {
  const kind = kindOf(value);
  return { slice: 'array', map: 'object', int64: 'number', float64: 'number' }[kind] ?? kind;
}
