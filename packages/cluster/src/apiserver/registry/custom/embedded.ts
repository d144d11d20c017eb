import {
  badRequest,
  decodeStrict,
  type KubernetesObject,
  type SchemaRegistry,
  type StatusCause,
  validateCreate,
} from '@palisade/kubernetes';
import { isStruct, type JsonSchema, ownProperty } from './schema.ts';

/** A kind with nothing but metadata lends its own to objects inside of others. */
const LENDER = { group: '', version: 'v1', kind: 'ConfigMap' };

/** Every object inside of `value` that the schema calls a resource, with its path. */
function* embeddedIn(schema: JsonSchema, value: unknown, path: string): Generator<[object: Record<string, unknown>, path: string]> {
  if (Array.isArray(value)) {
    if (schema.items !== undefined) for (const [i, item] of value.entries()) yield* embeddedIn(schema.items, item, `${path}[${i}]`);
    return;
  }
  if (!isStruct(value)) return;
  if (schema['x-kubernetes-embedded-resource'] === true) yield [value, path];
  for (const [name, child] of Object.entries(value)) {
    const property = ownProperty(schema, name);
    if (property !== undefined) yield* embeddedIn(property, child, path === '' ? name : `${path}.${name}`);
  }
}

/** Gives metadata inside of `value` the fields that metadata has, in place. @param report takes the paths of others */
export function coerceEmbedded(schemas: SchemaRegistry, schema: JsonSchema, value: unknown, report: (field: string) => void): void {
  for (const [object, path] of embeddedIn(schema, value, '')) {
    if (!isStruct(object['metadata'])) continue;
    const { object: decoded, unknownFields } = decodeMetadata(schemas, object['metadata'], `${path}.metadata`);
    for (const text of unknownFields) report(`${path}.${/"(.*)"$/.exec(text)?.[1]}`);
    object['metadata'] = decoded.metadata;
  }
}

/** @throws BadRequest that names the place */
function decodeMetadata(schemas: SchemaRegistry, metadata: object, path: string): ReturnType<typeof decodeStrict> {
  try {
    return decodeStrict(schemas, LENDER, { metadata });
  } catch (error) {
    const why = /: (json: .*)$/s.exec((error as Error).message)?.[1];
    if (why === undefined) throw error;
    throw badRequest(`${path}: Invalid value: ${JSON.stringify(metadata)}: ${why.replace('ObjectMeta.metadata.', 'ObjectMeta.')}`);
  }
}

/** What is wrong with the type and the metadata of resources inside of `value` (apiextensions `schema/objectmeta`). */
export function embeddedFaults(schemas: SchemaRegistry, schema: JsonSchema, value: unknown): StatusCause[] {
  return [...embeddedIn(schema, value, '')].flatMap(([object, path]) => [
    ...typeFaults(object, 'apiVersion', path),
    ...typeFaults(object, 'kind', path),
    ...metadataFaults(schemas, object['metadata'], path),
  ]);
}

function typeFaults(object: Record<string, unknown>, name: 'apiVersion' | 'kind', path: string): StatusCause[] {
  const field = `${path}.${name}`;
  const value = object[name];
  if (value === undefined) return [{ reason: 'FieldValueRequired', message: 'Required value', field }];
  const why = typeof value !== 'string' ? 'must be a string' : value === '' ? 'must not be empty' : textFault(name, value);
  return why === undefined ? [] : [{ reason: 'FieldValueInvalid', message: `Invalid value: ${JSON.stringify(value)}: ${why}`, field }];
}

function textFault(name: 'apiVersion' | 'kind', value: string): string | undefined {
  if (name === 'apiVersion') return value.split('/').length > 2 ? `unexpected GroupVersion string: ${value}` : undefined;
  if (/^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/i.test(value)) return undefined;
  const rule =
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
  return `may have mixed case, but should otherwise match: ${rule}`;
}

function metadataFaults(schemas: SchemaRegistry, metadata: unknown, path: string): StatusCause[] {
  if (metadata === undefined) return [];
  if (!isStruct(metadata)) {
    const message = `Invalid value: ${JSON.stringify(metadata)}: json: cannot unmarshal into Go value of type v1.ObjectMeta`;
    return [{ reason: 'FieldValueInvalid', message, field: `${path}.metadata` }];
  }
  const isNamespaced = Boolean(metadata['namespace']);
  const lender = isNamespaced ? { apiVersion: 'v1', kind: 'ConfigMap' } : { apiVersion: 'node.k8s.io/v1', kind: 'RuntimeClass' };
  const object = { ...lender, metadata: { ...metadata, name: 'fakename' } } as KubernetesObject;
  return validateCreate(schemas, object)
    .filter(({ field }) => field?.startsWith('metadata'))
    .map((cause) => ({ ...cause, field: `${path}.${cause.field}` }));
}
