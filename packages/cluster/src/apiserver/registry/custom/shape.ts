import { LEAF, OPEN, type Shape } from '@palisade/kubernetes';
import type { JsonSchema } from './schema.ts';

/** How objects of a custom kind merge and are owned, by `x-kubernetes-list-type` and its kin (apiextensions.k8s.io/v1). */
export function customShape(schema: JsonSchema): Shape {
  if (schema['x-kubernetes-int-or-string'] === true) return LEAF;
  switch (schema.type) {
    case 'object':
      return objectShape(schema);
    case 'array':
      return listShape(schema);
    default:
      return schema['x-kubernetes-preserve-unknown-fields'] === true ? OPEN : LEAF;
  }
}

/** The whole object: what every object has is as in built-in kinds. */
export function customRootShape(schema: JsonSchema, metadata: Shape): Shape {
  const root = customShape({ ...schema, type: 'object' });
  return { kind: 'struct', field: (name) => (name === 'metadata' ? metadata : root.kind === 'struct' ? root.field(name) : OPEN) };
}

function objectShape(schema: JsonSchema): Shape {
  if (schema['x-kubernetes-map-type'] === 'atomic') return LEAF;
  if (typeof schema.additionalProperties === 'object') return { kind: 'map', value: customShape(schema.additionalProperties) };
  const { properties } = schema;
  if (properties === undefined) return OPEN;
  const known = new Map<string, Shape>();
  return {
    kind: 'struct',
    field(name) {
      if (!Object.hasOwn(properties, name)) return undefined;
      let shape = known.get(name);
      if (shape === undefined) {
        shape = customShape(properties[name]!);
        known.set(name, shape);
      }
      return shape;
    },
  };
}

function listShape(schema: JsonSchema): Shape {
  const { items } = schema;
  const keys = schema['x-kubernetes-list-map-keys'];
  if (schema['x-kubernetes-list-type'] === 'set') return { kind: 'set' };
  if (schema['x-kubernetes-list-type'] !== 'map' || keys === undefined || items === undefined) return LEAF;
  const keyDefaults: Record<string, unknown> = {};
  for (const key of keys) {
    const fallback = items.properties?.[key]?.default;
    if (fallback !== undefined) keyDefaults[key] = fallback;
  }
  return { kind: 'keyed', item: customShape(items), keys, keyDefaults };
}
