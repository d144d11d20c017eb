import type { JsonSchema } from '../registry/custom/schema.ts';

/** CEL's reserved words; a property of that name is written `__name__`. */
const RESERVED = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(' '),
);

const ESCAPES: readonly [RegExp, string][] = [
  [/__/g, '__underscores__'],
  [/\./g, '__dot__'],
  [/-/g, '__dash__'],
  [/\//g, '__slash__'],
];

/** A property's name as rules write it; undefined for one they cannot (apiserver `cel.Escape`). */
export function escapeProperty(name: string): string | undefined {
  if (RESERVED.has(name)) return `__${name}__`;
  const escaped = ESCAPES.reduce((text, [pattern, word]) => text.replace(pattern, word), name);
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(escaped) ? escaped : undefined;
}

/** The schema of every object's own fields, as far as rules at a root may see them. */
const STRING: JsonSchema = { type: 'string' };
const ROOT_FIELDS: Readonly<Record<string, JsonSchema>> = {
  apiVersion: STRING,
  kind: STRING,
  metadata: { type: 'object', properties: { name: STRING, generateName: STRING } },
};

/** The schema rules at a resource's root see: its own, and name and type of the object. */
export function resourceSchema(schema: JsonSchema): JsonSchema {
  return { ...schema, properties: { ...schema.properties, ...ROOT_FIELDS } };
}

/**
 * A JSON value as CEL sees it: whole numbers are ints where the schema says so, objects have only the fields that are specified.
 * The value fits the schema.
 */
export function toCel(schema: JsonSchema, value: unknown): unknown {
  if (value === null || value === undefined) return null;
  if (schema['x-kubernetes-int-or-string'] === true) return typeof value === 'number' ? BigInt(value) : value;
  if (schema['x-kubernetes-embedded-resource'] === true && schema.properties?.['kind'] === undefined) {
    return toCel({ ...resourceSchema(schema), 'x-kubernetes-embedded-resource': false }, value);
  }
  switch (schema.type) {
    case 'integer':
      return BigInt(value as number);
    case 'string':
      return stringToCel(schema.format, value as string);
    case 'array':
      return (value as unknown[]).map((item) => toCel(schema.items ?? {}, item));
    case 'object':
      return objectToCel(schema, value as Record<string, unknown>);
    case undefined:
      return unspecified(value);
    default:
      return value;
  }
}

function stringToCel(format: string | undefined, text: string): unknown {
  switch (format) {
    case 'date-time':
    case 'date':
      return new Date(text);
    case 'byte':
      return Uint8Array.from(Buffer.from(text, 'base64'));
    default:
      return text;
  }
}

function objectToCel(schema: JsonSchema, value: Record<string, unknown>): Map<string, unknown> {
  const result = new Map<string, unknown>();
  if (typeof schema.additionalProperties === 'object') {
    for (const [name, child] of Object.entries(value)) result.set(name, toCel(schema.additionalProperties, child));
    return result;
  }
  for (const [name, child] of Object.entries(value)) {
    const property = schema.properties !== undefined && Object.hasOwn(schema.properties, name) ? schema.properties[name] : undefined;
    const escaped = property === undefined ? undefined : escapeProperty(name);
    // An absent field and a null one are the same to `has`, unless the schema allows null.
    if (escaped !== undefined && (child !== null || property?.nullable === true)) result.set(escaped, toCel(property!, child));
  }
  return result;
}

/** Without a schema: as the JSON reads. */
export function unspecified(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(unspecified);
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : value;
  if (typeof value !== 'object' || value === null) return value;
  return new Map(Object.entries(value).map(([name, child]) => [name, unspecified(child)]));
}
