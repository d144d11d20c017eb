import type { SchemaRegistry } from '../schema/registry.ts';
import { type OpenApiValue, renderSchemas } from './schemas.ts';

/**
 * The OpenAPI v2 document of the built-in kinds, schemas alone: what kubectl checks a `List` with, and merges with where it knows no v3.
 * References stand bare, as v2 wants them; what only v3 can say (one of several types) is left open.
 */
export function openApiV2Document(registry: SchemaRegistry): Record<string, unknown> {
  const roots = registry.resources().flatMap((info) => registry.schemaFor(info)?.name ?? []);
  const definitions = Object.entries(renderSchemas(registry, roots)).map(([name, schema]) => [name, toV2(schema as OpenApiValue)]);
  return {
    swagger: '2.0',
    info: { title: 'Kubernetes', version: registry.version },
    paths: {},
    definitions: Object.fromEntries(definitions),
  };
}

function toV2(schema: OpenApiValue): OpenApiValue {
  const { $ref, allOf, oneOf: _, default: __, enum: ___, properties, items, additionalProperties, ...rest } = schema;
  const reference = $ref ?? (allOf as readonly OpenApiValue[] | undefined)?.[0]?.['$ref'];
  if (reference !== undefined) return { $ref: String(reference).replace('#/components/schemas/', '#/definitions/') };
  const inner = (value: unknown) => toV2(value as OpenApiValue);
  return {
    ...rest,
    ...(properties === undefined
      ? {}
      : { properties: Object.fromEntries(Object.entries(properties as OpenApiValue).map(([name, field]) => [name, inner(field)])) }),
    ...(items === undefined ? {} : { items: inner(items) }),
    ...(additionalProperties === undefined ? {} : { additionalProperties: inner(additionalProperties) }),
  };
}

/** The same in gnostic's protobuf form (`openapi.v2.Document`), the only one that kubectl reads. */
export function encodeOpenApiV2(document: Record<string, unknown>): Buffer {
  const { info, definitions } = document as { info: { title: string; version: string }; definitions: Record<string, OpenApiValue> };
  return Buffer.concat([
    text(1, String(document['swagger'])),
    message(2, text(1, info.title), text(2, info.version)),
    message(8),
    message(9, ...Object.entries(definitions).map(([name, schema]) => named(1, name, encodeSchema(schema)))),
  ]);
}

/** Field numbers of `openapi.v2.Schema`. */
function encodeSchema(schema: OpenApiValue): Buffer {
  const { $ref, format, required, additionalProperties, type, items, properties } = schema as {
    $ref?: string;
    format?: string;
    required?: string[];
    additionalProperties?: OpenApiValue;
    type?: string;
    items?: OpenApiValue;
    properties?: Record<string, OpenApiValue>;
  };
  return Buffer.concat([
    ...($ref === undefined ? [] : [text(1, $ref)]),
    ...(format === undefined ? [] : [text(2, format)]),
    ...(required ?? []).map((name) => text(19, name)),
    ...(additionalProperties === undefined ? [] : [message(21, message(1, encodeSchema(additionalProperties)))]),
    ...(type === undefined ? [] : [message(22, text(1, type))]),
    ...(items === undefined ? [] : [message(23, message(1, encodeSchema(items)))]),
    ...(properties === undefined
      ? []
      : [message(25, ...Object.entries(properties).map(([name, field]) => named(1, name, encodeSchema(field))))]),
    ...Object.entries(schema)
      .filter(([name]) => name.startsWith('x-'))
      // An extension's value is YAML; JSON is that too.
      .map(([name, value]) => named(31, name, text(2, JSON.stringify(value)))),
  ]);
}

const LENGTH_DELIMITED = 2;

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (; value > 0x7f; value = Math.floor(value / 128)) bytes.push((value % 128) | 0x80);
  return Buffer.from([...bytes, value]);
}

function message(field: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([varint(field * 8 + LENGTH_DELIMITED), varint(body.length), body]);
}

const text = (field: number, value: string): Buffer => message(field, Buffer.from(value));
const named = (field: number, name: string, value: Buffer): Buffer => message(field, text(1, name), message(2, value));
