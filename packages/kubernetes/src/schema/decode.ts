import { badRequest } from '../errors.ts';
import type { GroupVersionKind, KubernetesObject } from '../object.ts';
import type { StatusError } from '../status.ts';
import { readScalar } from './decode-scalar.ts';
import type { Definition, FieldSchema, TypeSchema } from './definitions.ts';
import { formatApiVersion, parseApiVersion, type SchemaRegistry } from './registry.ts';

export interface DecodedObject {
  readonly object: KubernetesObject;
  /** `unknown field "spec.foo"`, in document order. The fields themselves are gone from `object`. */
  readonly unknownFields: string[];
}

/** Where the decoder stands: `path` for strict errors, `fields` and `struct` as Go's JSON errors name the place. */
interface Place {
  readonly path: string;
  readonly fields: string;
  readonly struct: string;
  readonly goType: string | undefined;
}

type Json = Record<string, unknown>;

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);
const shortName = (name: string): string => name.slice(name.lastIndexOf('.') + 1);

/** `Pod in version "v1" cannot be handled as a Pod: why`, the frame of every decoding refusal. */
export function decodingError(found: GroupVersionKind, wanted: GroupVersionKind, why: string): StatusError {
  return badRequest(`${found.kind} in version "${found.version}" cannot be handled as a ${wanted.kind}: ${why}`);
}

/** The refusal of `fieldValidation=Strict`. */
export function strictDecodingError(gvk: GroupVersionKind, unknownFields: readonly string[]): StatusError {
  return decodingError(gvk, gvk, `strict decoding error: ${unknownFields.join(', ')}`);
}

/** `[]v1.Container`, `map[string]string`, `int32`: the type as Go prints it. */
function goTypeOf(type: TypeSchema): string {
  switch (type.kind) {
    case 'list':
      return `[]${goTypeOf(type.item)}`;
    case 'map':
      return `map[string]${goTypeOf(type.value)}`;
    case 'ref':
      return type.name.split('.').slice(-2).join('.');
    case 'bytes':
      return '[]uint8';
    case 'double':
      return 'float64';
    case 'intOrString':
      return 'int32';
    default:
      return type.kind;
  }
}

function jsonKind(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

class TypeMismatch extends Error {}

class Decoder {
  readonly #registry: SchemaRegistry;
  readonly unknownFields: string[] = [];

  constructor(registry: SchemaRegistry) {
    this.#registry = registry;
  }

  struct(definition: Definition, value: Json, place: Place): Json {
    const out: Json = {};
    const struct = shortName(definition.name);
    for (const [key, raw] of Object.entries(value)) {
      const path = place.path === '' ? key : `${place.path}.${key}`;
      const field = definition.fields.get(key);
      if (!field) {
        this.unknownFields.push(`unknown field ${JSON.stringify(path)}`);
        continue;
      }
      if (raw === null || raw === undefined) continue;
      const fields = place.fields === '' ? key : `${place.fields}.${key}`;
      const decoded = this.value(field.type, raw, { path, fields, struct, goType: field.goType });
      if (!isOmitted(field, decoded)) out[key] = decoded;
    }
    return out;
  }

  value(type: TypeSchema, raw: unknown, place: Place): unknown {
    switch (type.kind) {
      case 'ref':
        if (!isObject(raw)) this.#mismatch(type, raw, place);
        return this.struct(this.#registry.definition(type.name), raw, place);
      case 'list':
        if (!Array.isArray(raw)) this.#mismatch(type, raw, place);
        return raw.map((item, i) => this.#element(type.item, item, { ...place, path: `${place.path}[${i}]`, goType: undefined }));
      case 'map':
        if (!isObject(raw)) this.#mismatch(type, raw, place);
        return Object.fromEntries(
          Object.entries(raw).map(([key, item]) => [
            key,
            this.#element(type.value, item, { ...place, path: `${place.path}.${key}`, goType: undefined }),
          ]),
        );
      default: {
        const read = readScalar(type.kind, raw);
        if ('value' in read) return read.value;
        if (read.refusal !== undefined) throw new TypeMismatch(read.refusal);
        return this.#mismatch(type, raw, place);
      }
    }
  }

  /** A null inside a list or map is Go's zero value. */
  #element(type: TypeSchema, raw: unknown, place: Place): unknown {
    if (raw !== null) return this.value(type, raw, place);
    if (type.kind === 'ref') return {};
    if (type.kind === 'string' || type.kind === 'bytes') return '';
    if (type.kind === 'bool') return false;
    return type.kind === 'int32' || type.kind === 'int64' || type.kind === 'double' ? 0 : null;
  }

  #mismatch(type: TypeSchema, raw: unknown, place: Place): never {
    const found = typeof raw === 'number' && type.kind.startsWith('int') ? `number ${raw}` : jsonKind(raw);
    const where =
      place.fields === ''
        ? `Go value of type ${goTypeOf(type)}`
        : `Go struct field ${place.struct}.${place.fields} of type ${place.goType ?? goTypeOf(type)}`;
    throw new TypeMismatch(`json: cannot unmarshal ${found} into ${where}`);
  }
}

/** Go's omitempty: zero scalars and empty lists and maps vanish unless behind a pointer; structs stay. */
function isOmitted(field: FieldSchema, value: unknown): boolean {
  if (field.pointer || !field.omitEmpty) return false;
  switch (field.type.kind) {
    case 'ref':
    case 'intOrString':
    case 'quantity':
    case 'any':
    case 'object':
      return false;
    case 'list':
      return (value as unknown[]).length === 0;
    case 'map':
      return Object.keys(value as Json).length === 0;
    default:
      return value === '' || value === 0 || value === false;
  }
}

/** The Go package of a group's internal types: `core` for the core group, else the first word of the group. */
const internalPackage = (group: string): string => (group === '' ? 'core' : group.split('.')[0]!);

/**
 * Reads one JSON value as the given kind. Fields the schema does not know are dropped and named; nulls and zero values that the real
 * server would not store are dropped silently; quantities and times take the server's form. A missing apiVersion or kind is filled in.
 *
 * @throws StatusError 400 with the server's text on a wrong JSON type, a malformed quantity, time or base64, or another kind
 */
export function decodeStrict(registry: SchemaRegistry, gvk: GroupVersionKind, value: unknown): DecodedObject {
  const apiVersion = formatApiVersion(gvk.group, gvk.version);
  if (!isObject(value))
    throw decodingError(gvk, gvk, `json: cannot unmarshal ${jsonKind(value)} into Go value of type ${gvk.version}.${gvk.kind}`);
  const foundVersion = typeof value['apiVersion'] === 'string' && value['apiVersion'] !== '' ? value['apiVersion'] : apiVersion;
  const foundKind = typeof value['kind'] === 'string' && value['kind'] !== '' ? value['kind'] : gvk.kind;
  const found = { ...parseApiVersion(foundVersion), kind: foundKind };
  if (found.kind !== gvk.kind || foundVersion !== apiVersion) refuseOtherKind(registry, found, gvk);
  const definition = registry.schemaFor(gvk);
  if (!definition) throw new Error(`Cannot decode ${apiVersion} ${gvk.kind}: the schema table has no such kind`);
  const decoder = new Decoder(registry);
  try {
    const object = decoder.struct(definition, value, { path: '', fields: '', struct: '', goType: undefined });
    const head = definition.fields.has('metadata') ? { apiVersion, kind: gvk.kind, metadata: {} } : { apiVersion, kind: gvk.kind };
    return { object: { ...head, ...object, apiVersion, kind: gvk.kind } as KubernetesObject, unknownFields: decoder.unknownFields };
  } catch (error) {
    if (error instanceof TypeMismatch) throw decodingError(gvk, gvk, error.message);
    throw error;
  }
}

function refuseOtherKind(registry: SchemaRegistry, found: GroupVersionKind, wanted: GroupVersionKind): never {
  const foundVersion = formatApiVersion(found.group, found.version);
  if (!registry.hasKind(found)) {
    const why = `no kind ${JSON.stringify(found.kind)} is registered for version ${JSON.stringify(foundVersion)} in scheme "k8s.io/kubernetes/pkg/api/legacyscheme/scheme.go:30"`;
    throw decodingError(found, wanted, why);
  }
  if (found.kind === wanted.kind) {
    const expected = formatApiVersion(wanted.group, wanted.version);
    throw badRequest(`the API version in the data (${foundVersion}) does not match the expected API version (${expected})`);
  }
  const why = `converting (${found.version}.${found.kind}) to (${internalPackage(wanted.group)}.${wanted.kind}): unknown conversion`;
  throw decodingError(found, wanted, why);
}
