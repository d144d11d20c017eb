/** One entry of `x-kubernetes-validations` (apiextensions.k8s.io/v1 ValidationRule). */
export interface ValidationRule {
  readonly rule: string;
  readonly message?: string;
  readonly messageExpression?: string;
  readonly reason?: string;
  readonly fieldPath?: string;
  readonly optionalOldSelf?: boolean;
}

/** JSONSchemaProps of apiextensions.k8s.io/v1, as far as structural schemas use it. */
export interface JsonSchema {
  readonly type?: string;
  readonly format?: string;
  readonly nullable?: boolean;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: boolean;
  readonly exclusiveMaximum?: boolean;
  readonly multipleOf?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly items?: JsonSchema;
  readonly allOf?: readonly JsonSchema[];
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly not?: JsonSchema;
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
  readonly 'x-kubernetes-embedded-resource'?: boolean;
  readonly 'x-kubernetes-int-or-string'?: boolean;
  readonly 'x-kubernetes-map-type'?: string;
  readonly 'x-kubernetes-list-type'?: string;
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-validations'?: readonly ValidationRule[];
}

type Struct = Record<string, unknown>;

export function isStruct(value: unknown): value is Struct {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Fields every object and every embedded object has. */
const TYPE_FIELDS = new Set(['apiVersion', 'kind', 'metadata']);

/** Removes what the schema does not specify, in place, and reports it (`spec.foo`). */
export function prune(schema: JsonSchema, value: unknown, path: string, isResource: boolean, report: (field: string) => void): void {
  if (Array.isArray(value)) {
    for (const [i, item] of value.entries())
      if (schema.items !== undefined) prune(schema.items, item, `${path}[${i}]`, isEmbedded(schema.items), report);
    return;
  }
  if (!isStruct(value)) return;
  for (const [name, child] of Object.entries(value)) {
    const at = path === '' ? name : `${path}.${name}`;
    if (isResource && TYPE_FIELDS.has(name)) continue;
    const property = ownProperty(schema, name);
    if (property !== undefined) prune(property, child, at, isEmbedded(property), report);
    else if (schema['x-kubernetes-preserve-unknown-fields'] !== true && schema.additionalProperties !== true) {
      delete value[name];
      report(at);
    }
  }
}

function isEmbedded(schema: JsonSchema): boolean {
  return schema['x-kubernetes-embedded-resource'] === true;
}

/** The schema of one field: its own, or that of all fields of a map. */
export function ownProperty(schema: JsonSchema, name: string): JsonSchema | undefined {
  if (schema.properties !== undefined && Object.hasOwn(schema.properties, name)) return schema.properties[name];
  return typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined;
}

/** Fills in defaults, in place; a null that is not allowed counts as absent. */
export function fillDefaults(schema: JsonSchema, value: unknown): void {
  if (Array.isArray(value)) {
    if (schema.items !== undefined) for (const item of value) fillDefaults(schema.items, item);
    return;
  }
  if (!isStruct(value)) return;
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const isNull = value[name] === null && property.nullable !== true;
    if ((isNull || value[name] === undefined) && property.default !== undefined) value[name] = structuredClone(property.default);
    else if (isNull) delete value[name];
    fillDefaults(property, value[name]);
  }
  if (typeof schema.additionalProperties !== 'object') return;
  for (const name of Object.keys(value))
    if (!Object.hasOwn(schema.properties ?? {}, name)) fillDefaults(schema.additionalProperties, value[name]);
}
