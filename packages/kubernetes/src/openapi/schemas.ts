import type { Definition, FieldSchema, TypeSchema } from '../schema/definitions.ts';
import type { SchemaRegistry } from '../schema/registry.ts';

/** OpenAPI v3 component schemas, shaped as kube-apiserver writes them: references inside `allOf`, extensions beside. */

export type OpenApiValue = Record<string, unknown>;

const referTo = (name: string): OpenApiValue => ({ $ref: `#/components/schemas/${name}` });

/** Definitions of scalar types that have a name of their own. */
const named: Readonly<Partial<Record<TypeSchema['kind'], string>>> = {
  quantity: 'io.k8s.apimachinery.pkg.api.resource.Quantity',
  time: 'io.k8s.apimachinery.pkg.apis.meta.v1.Time',
  microTime: 'io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime',
  intOrString: 'io.k8s.apimachinery.pkg.util.intstr.IntOrString',
};

const plain: Readonly<Partial<Record<TypeSchema['kind'], OpenApiValue>>> = {
  string: { type: 'string' },
  duration: { type: 'string' },
  bytes: { type: 'string', format: 'byte' },
  int32: { type: 'integer', format: 'int32' },
  int64: { type: 'integer', format: 'int64' },
  double: { type: 'number', format: 'double' },
  bool: { type: 'boolean' },
  object: { type: 'object' },
  any: {},
};

/** Zero value of an element of a list or map, which the real documents give as its default. */
function elementDefault(type: TypeSchema): OpenApiValue {
  if (type.kind === 'ref') return { default: {} };
  if (type.kind === 'string') return { default: '' };
  if (type.kind === 'int32' || type.kind === 'int64') return { default: 0 };
  return {};
}

function renderElement(type: TypeSchema, elementEnum: readonly string[] | undefined): OpenApiValue {
  const name = named[type.kind];
  if (name) return referTo(name);
  return { ...elementDefault(type), ...renderType(type), ...(elementEnum ? { enum: elementEnum } : {}) };
}

function renderType(type: TypeSchema, elementEnum?: readonly string[]): OpenApiValue {
  if (type.kind === 'ref') return { allOf: [referTo(type.name)] };
  if (type.kind === 'list') return { type: 'array', items: renderElement(type.item, elementEnum) };
  if (type.kind === 'map') return { type: 'object', additionalProperties: renderElement(type.value, elementEnum) };
  const name = named[type.kind];
  return name ? { allOf: [referTo(name)] } : { ...plain[type.kind] };
}

/** A free-form field is shown by the name of its definition, and so are the elements of a list or map of such. */
function renderNamed({ kind }: TypeSchema, name: string): OpenApiValue {
  if (kind === 'list') return { type: 'array', items: referTo(name) };
  return kind === 'map' ? { type: 'object', additionalProperties: referTo(name) } : { allOf: [referTo(name)] };
}

function renderField(field: FieldSchema): OpenApiValue {
  return {
    ...(field.namedAs ? renderNamed(field.type, field.namedAs) : renderType(field.type, field.elementEnum)),
    ...(field.default === undefined ? {} : { default: field.default }),
    ...(field.enum ? { enum: field.enum } : {}),
    ...(field.listMapKeys ? { 'x-kubernetes-list-map-keys': field.listMapKeys } : {}),
    ...(field.listType ? { 'x-kubernetes-list-type': field.listType } : {}),
    ...(field.mapType ? { 'x-kubernetes-map-type': field.mapType } : {}),
    ...(field.mergeKey ? { 'x-kubernetes-patch-merge-key': field.mergeKey } : {}),
    ...(field.patchStrategy ? { 'x-kubernetes-patch-strategy': field.patchStrategy } : {}),
  };
}

function renderDefinition(definition: Definition): OpenApiValue {
  if (definition.primitive) return { ...definition.primitive };
  const fields = [...definition.fields.values()];
  const required = fields.filter((f) => f.required).map((f) => f.name);
  const kinds = definition.kinds.map(([group, version, kind]) => ({ group, kind, version }));
  return {
    type: 'object',
    ...(required.length > 0 ? { required } : {}),
    ...(fields.length > 0 ? { properties: Object.fromEntries(fields.map((f) => [f.name, renderField(f)])) } : {}),
    ...(kinds.length > 0 ? { 'x-kubernetes-group-version-kind': kinds } : {}),
    ...(definition.mapType ? { 'x-kubernetes-map-type': definition.mapType } : {}),
  };
}

/** Names of the definitions a field's type leads to. */
function referenced(type: TypeSchema): string | undefined {
  if (type.kind === 'list') return referenced(type.item);
  if (type.kind === 'map') return referenced(type.value);
  return type.kind === 'ref' ? type.name : named[type.kind];
}

/** The named definitions and everything they lead to, by name in alphabetical order. */
export function renderSchemas(registry: SchemaRegistry, roots: Iterable<string>): OpenApiValue {
  const found = new Map<string, OpenApiValue>();
  const queue = [...roots];
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    if (found.has(name)) continue;
    const definition = registry.definition(name);
    found.set(name, renderDefinition(definition));
    for (const field of definition.fields.values()) {
      const next = field.namedAs ?? referenced(field.type);
      if (next !== undefined) queue.push(next);
    }
  }
  return Object.fromEntries([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}
