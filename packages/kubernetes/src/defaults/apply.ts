import { cloneObject } from '../clone.ts';
import type { KubernetesObject } from '../object.ts';
import type { Definition, FieldSchema, TypeSchema } from '../schema/definitions.ts';
import { parseApiVersion, type SchemaRegistry } from '../schema/registry.ts';
import { coreDefaults } from './core.ts';
import { policyDefaults } from './policy.ts';
import type { Defaulter, Struct } from './value.ts';
import { workloadDefaults } from './workloads.ts';

const defaulters: ReadonlyMap<string, Defaulter> = new Map(Object.entries({ ...coreDefaults, ...workloadDefaults, ...policyDefaults }));

/** A default of the schema that is more than Go's zero value, such as protocol TCP. */
function meaningful(value: unknown): boolean {
  return value !== undefined && value !== '' && value !== 0 && value !== false && !(typeof value === 'object' && value !== null);
}

function fillStruct(registry: SchemaRegistry, definition: Definition, value: Struct): void {
  defaulters.get(definition.name)?.(value);
  for (const field of definition.fields.values()) {
    if (meaningful(field.default)) value[field.name] ??= field.default;
    if (value[field.name] === undefined || value[field.name] === null) fillZero(value, field);
    const held = value[field.name];
    if (held !== undefined && held !== null) descend(registry, field.type, held);
  }
}

function descend(registry: SchemaRegistry, type: TypeSchema, value: unknown): void {
  if (type.kind === 'ref') fillStruct(registry, registry.definition(type.name), value as Struct);
  else if (type.kind === 'list') for (const item of value as unknown[]) descend(registry, type.item, item);
  else if (type.kind === 'map' && type.value.kind === 'ref')
    for (const item of Object.values(value as Struct)) descend(registry, type.value, item);
}

/** What Go's encoder writes for a field nobody set: structs always, other zero values unless omitempty. */
function fillZero(value: Struct, field: FieldSchema): void {
  if (field.pointer) {
    if (!field.omitEmpty && !field.required) value[field.name] = null;
    return;
  }
  switch (field.type.kind) {
    case 'ref':
      if (!field.omitZero) value[field.name] = {};
      return;
    case 'time':
    case 'microTime':
      if (!field.omitZero) value[field.name] = null;
      return;
    case 'intOrString':
      value[field.name] = 0;
      return;
    case 'quantity':
      value[field.name] = '0';
      return;
    default:
  }
  // apiVersion and kind of embedded objects are set by whoever embeds them.
  if (field.omitEmpty) return;
  if (field.type.kind === 'string' || field.type.kind === 'duration') value[field.name] = '';
  else if (field.type.kind === 'bool') value[field.name] = false;
  else if (field.type.kind === 'int32' || field.type.kind === 'int64' || field.type.kind === 'double') value[field.name] = 0;
  else value[field.name] = null;
}

/**
 * A copy of the object with every default of the real server, and with the empty structs and zero values that its encoder writes
 * (`status: {}`, `resources: {}`). Pure: nothing here invents addresses, ports, names, times or identifiers; admission and allocators
 * do that. Applying it twice changes nothing. A kind the table does not know comes back as it is.
 */
export function applyDefaults<T extends KubernetesObject>(registry: SchemaRegistry, object: T): T {
  const { group, version } = parseApiVersion(object.apiVersion);
  const definition = registry.schemaFor({ group, version, kind: object.kind });
  const copy = cloneObject(object);
  if (definition) fillStruct(registry, definition, copy);
  return copy;
}
