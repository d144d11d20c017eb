import { LEAF, leafOf, OPEN, type Shape } from '@palisade/kubernetes';
import type { JsonSchema } from './schema.ts';

/**
 * How objects of a custom kind merge and are owned, by `x-kubernetes-list-type` and its kin (apiextensions.k8s.io/v1).
 *
 * @param metadata the shape of every object's metadata, which embedded objects have too
 */
export function customShape(schema: JsonSchema, metadata: Shape, isOpen = false): Shape {
  if (schema['x-kubernetes-int-or-string'] === true) return LEAF;
  const isOpenHere = isOpen || schema['x-kubernetes-preserve-unknown-fields'] === true;
  switch (schema.type) {
    case 'object':
      return objectShape(schema, metadata, isOpenHere);
    case 'array':
      return listShape(schema, metadata, isOpenHere);
    case 'string':
      return leafOf(schema.format === undefined || schema.format === 'byte' ? 'string' : 'scalar');
    case 'integer':
    case 'number':
      return leafOf('numeric');
    case 'boolean':
      return leafOf('boolean');
    default:
      return isOpenHere ? OPEN : LEAF;
  }
}

/** The whole object: what every object has is as in built-in kinds. */
export function customRootShape(schema: JsonSchema, metadata: Shape): Shape {
  return customShape({ ...schema, type: 'object', 'x-kubernetes-embedded-resource': true }, metadata);
}

/** Of an object: fields are owned one by one; what is not named is open where the schema, or one around it, keeps unknown fields. */
function objectShape(schema: JsonSchema, metadata: Shape, isOpen: boolean): Shape {
  const { properties = {}, additionalProperties } = schema;
  const isEmbedded = schema['x-kubernetes-embedded-resource'] === true;
  const others =
    typeof additionalProperties === 'object'
      ? customShape(additionalProperties, metadata, isOpen)
      : isOpen || additionalProperties === true || (schema.properties === undefined && !isEmbedded)
        ? OPEN
        : undefined;
  const known = new Map<string, Shape>();
  const shape: Shape =
    Object.keys(properties).length === 0 && !isEmbedded && others !== undefined
      ? others === OPEN
        ? OPEN
        : { kind: 'map', value: others }
      : {
          kind: 'struct',
          field(name) {
            if (isEmbedded && name === 'metadata') return metadata;
            if (isEmbedded && (name === 'apiVersion' || name === 'kind')) return leafOf('string');
            if (!Object.hasOwn(properties, name)) return undefined;
            let field = known.get(name);
            if (field === undefined) {
              field = customShape(properties[name]!, metadata, isOpen);
              known.set(name, field);
            }
            return field;
          },
          ...(others === undefined ? {} : { others }),
        };
  return schema['x-kubernetes-map-type'] === 'atomic' ? leafOf({ struct: shape }) : shape;
}

function listShape(schema: JsonSchema, metadata: Shape, isOpen: boolean): Shape {
  const { items } = schema;
  const item = items === undefined ? OPEN : customShape(items, metadata, isOpen);
  const keys = schema['x-kubernetes-list-map-keys'];
  if (schema['x-kubernetes-list-type'] === 'set') return { kind: 'set', item };
  if (schema['x-kubernetes-list-type'] !== 'map' || keys === undefined || items === undefined) return leafOf({ list: item });
  const keyDefaults: Record<string, unknown> = {};
  for (const key of keys) {
    const fallback = items.properties?.[key]?.default;
    if (fallback !== undefined) keyDefaults[key] = fallback;
  }
  return { kind: 'keyed', item, keys, keyDefaults };
}
