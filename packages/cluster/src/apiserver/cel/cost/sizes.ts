import type { JsonSchema } from '../../registry/custom/schema.ts';
import { escapeProperty, resourceSchema } from '../value.ts';

/** The largest request of the real server: what bounds values whose schema has no limits. */
const MAX_REQUEST_BYTES = 3 * 1024 * 1024;

export type Kind = 'string' | 'bytes' | 'list' | 'map' | 'object' | 'scalar' | 'dyn';

/** How large a value of a schema can be (apiserver `cel.DeclType`). */
export interface Sized {
  readonly kind: Kind;
  /** Characters, elements or entries; 0 for what has no size. */
  readonly maxElements: number;
  /** Bytes of the smallest such value in JSON. */
  readonly minBytes: number;
  /** Of lists and maps. */
  readonly elem?: Sized;
  /** Of objects, by the names rules use. */
  readonly fields?: ReadonlyMap<string, Sized>;
}

const scalar = (minBytes: number): Sized => ({ kind: 'scalar', maxElements: 0, minBytes });
const text = (kind: 'string' | 'bytes' | 'scalar' | 'dyn', maxElements: number, minBytes = 2): Sized => ({ kind, maxElements, minBytes });

/** @returns undefined for what rules do not see */
export function sizedOf(schema: JsonSchema, isResource = schema['x-kubernetes-embedded-resource'] === true): Sized | undefined {
  if (schema['x-kubernetes-int-or-string'] === true)
    return text('dyn', schema.maxLength === undefined ? MAX_REQUEST_BYTES - 2 : schema.maxLength * 4, 1);
  switch (schema.type) {
    case 'array': {
      const elem = schema.items && sizedOf(schema.items);
      const maxElements = schema.maxItems ?? Math.floor((MAX_REQUEST_BYTES - 2) / ((elem?.minBytes ?? 0) + 1));
      return elem && { kind: 'list', maxElements, minBytes: 2, elem };
    }
    case 'object':
      return objectOf(isResource ? resourceSchema(schema) : schema);
    case 'string':
      return textOf(schema);
    case 'boolean':
      return scalar(4);
    case 'number':
    case 'integer':
      return scalar(1);
    default:
      return undefined;
  }
}

function objectOf(schema: JsonSchema): Sized | undefined {
  const { additionalProperties, properties = {}, required = [] } = schema;
  if (typeof additionalProperties === 'object') {
    const elem = sizedOf(additionalProperties);
    const maxElements = schema.maxProperties ?? Math.floor((MAX_REQUEST_BYTES - 2) / ((elem?.minBytes ?? 0) + 6));
    return elem && { kind: 'map', maxElements, minBytes: 2, elem };
  }
  const fields = new Map<string, Sized>();
  let minBytes = 2;
  for (const [name, property] of Object.entries(properties)) {
    const sized = sizedOf(property);
    if (sized === undefined) continue;
    const escaped = escapeProperty(name);
    if (escaped !== undefined) fields.set(escaped, sized);
    // What has a default need not be sent.
    if (required.includes(name) && property.default === undefined) minBytes += name.length + sized.minBytes + 4;
  }
  return { kind: 'object', maxElements: 0, minBytes, fields };
}

function textOf({ format, maxLength, enum: values }: JsonSchema): Sized {
  switch (format) {
    case 'byte':
      return text('bytes', maxLength ?? MAX_REQUEST_BYTES - 2);
    case 'duration':
      return text('scalar', 32, 3);
    case 'date':
      return text('scalar', 12, 12);
    case 'date-time':
      return text('scalar', 32, 21);
    default:
      // A length is in characters, which may take four bytes each.
      if (maxLength !== undefined) return text('string', maxLength * 4);
      if (values?.length) return text('string', Math.max(0, ...values.map((one) => (typeof one === 'string' ? one.length : 0))));
      return text('string', MAX_REQUEST_BYTES - 2);
  }
}

/** How often a value of this size fits into a request. */
export function maxCardinality({ minBytes }: Sized): number {
  return Math.floor(MAX_REQUEST_BYTES / (minBytes + 1));
}

/** By how much a schema multiplies what is in it; undefined without a limit. */
export function multiplicity(schema: JsonSchema): number | undefined {
  if (schema.type === 'array') return schema.maxItems;
  return schema.type === 'object' && schema.additionalProperties !== undefined ? schema.maxProperties : 1;
}
