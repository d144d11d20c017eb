import {
  builtinShape,
  decodeStrict,
  formatDuration,
  type KubernetesObject,
  type SchemaRegistry,
  type StatusCause,
  type TableColumnDefinition,
  validateCreate,
  validateUpdate,
} from '@palisade/kubernetes';
import { compileSchemaRules } from '../../cel/schema-rules.ts';
import type { ObjectModel, ScalePaths } from '../resource.ts';
import { coerceEmbedded, embeddedFaults } from './embedded.ts';
import { evaluateJsonPath, parseJsonPath } from './json-path.ts';
import { repeatedElements } from './list-types.ts';
import { scaleFaults } from './scale-values.ts';
import { fillDefaults, isStruct, type JsonSchema, prune } from './schema.ts';
import { customRootShape } from './shape.ts';
import { checkValue } from './validate-schema.ts';

export interface PrinterColumn {
  readonly name: string;
  readonly type: string;
  readonly format?: string;
  readonly description?: string;
  readonly priority?: number;
  readonly jsonPath: string;
}

/** Kinds with nothing to check but their metadata, one a scope: they lend their rules to custom objects' metadata. */
const NAMESPACED_LENDER = { apiVersion: 'v1', kind: 'PodTemplate' };
const CLUSTER_LENDER = { apiVersion: 'node.k8s.io/v1', kind: 'RuntimeClass' };
const METADATA_DEFINITION = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';
const METADATA_ONLY = { group: '', version: 'v1', kind: 'ConfigMap' };

const AGE: PrinterColumn = { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' };

/** Kinds of faults that leave rules nothing to look at (apiextensions `hasBlockingErr`). */
const BLOCKING = new Set([
  'FieldValueNotSupported',
  'FieldValueRequired',
  'FieldValueTooLong',
  'FieldValueTooMany',
  'FieldValueTypeInvalid',
]);
const NOT_CHECKED: StatusCause = {
  reason: 'FieldValueInvalid',
  message:
    'Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation',
  field: '<nil>',
};

/** A custom kind in one version, by its structural schema and its CEL rules. */
export function customModel(
  schemas: SchemaRegistry,
  schema: JsonSchema,
  isNamespaced: boolean,
  printerColumns: readonly PrinterColumn[] | undefined,
  scalePaths?: ScalePaths,
): ObjectModel {
  const columns = printerColumns?.length ? printerColumns : [AGE];
  const paths = columns.map((column) => parseJsonPath(column.jsonPath));
  const lender = isNamespaced ? NAMESPACED_LENDER : CLUSTER_LENDER;
  const lend = (object: KubernetesObject): KubernetesObject => ({ ...lender, metadata: object.metadata });
  // What describes apiVersion, kind and metadata in the schema is not asked: the server's own rules hold there.
  const content: JsonSchema = {
    ...schema,
    properties: withoutTypeFields(schema.properties ?? {}),
    required: (schema.required ?? []).filter((name) => !TYPE_FIELDS.includes(name)),
  };
  const rulesOf = compileSchemaRules(schema);
  const schemaFaults = (object: KubernetesObject, old: KubernetesObject | undefined, part: 'whole' | 'status'): StatusCause[] => {
    const causes =
      part === 'whole'
        ? checkValue(content, withoutTypeFields(object), '', old && withoutTypeFields(old))
        : statusFaults(schema.properties?.['status'], object['status'], old?.['status']);
    return [...causes, ...(scalePaths === undefined ? [] : scaleFaults(scalePaths, object, part))];
  };
  const repeated = (object: KubernetesObject, old: KubernetesObject | undefined): StatusCause[] =>
    old !== undefined && repeatedElements(schema, old, '').length > 0 ? [] : repeatedElements(schema, object, '');
  const whole = (object: KubernetesObject, old: KubernetesObject | undefined, part: 'whole' | 'status'): StatusCause[] => {
    const causes = [
      ...schemaFaults(object, old, part),
      ...(part === 'whole' ? embeddedFaults(schemas, content, withoutTypeFields(object)) : []),
      ...repeated(object, old),
    ];
    if (!rulesOf.isEmpty && causes.some((cause) => BLOCKING.has(cause.reason ?? ''))) return [...causes, NOT_CHECKED];
    return [...causes, ...rulesOf.check(object, old)];
  };
  const updateFaults = (object: KubernetesObject, old: KubernetesObject, part: 'whole' | 'status') => [
    ...metaCauses(validateUpdate(schemas, lend(object), lend(old))),
    ...whole(object, old, part),
  ];
  const shape = customRootShape(schema, builtinShape(schemas, METADATA_DEFINITION));
  return {
    decode(value) {
      const { metadata, ...rest } = value as KubernetesObject;
      const decoded = decodeStrict(schemas, METADATA_ONLY, { apiVersion: 'v1', kind: 'ConfigMap', metadata: metadata ?? {} });
      const object: KubernetesObject = { ...rest, metadata: decoded.object.metadata ?? {} };
      const unknownFields = [...decoded.unknownFields];
      const report = (field: string) => unknownFields.push(`unknown field "${field}"`);
      prune(schema, object, '', true, report);
      coerceEmbedded(schemas, content, object, report);
      return { object, unknownFields };
    },
    applyDefaults(object) {
      fillDefaults(schema, object);
      return object;
    },
    validateCreate: (object) => [...metaCauses(validateCreate(schemas, lend(object))), ...whole(object, undefined, 'whole')],
    validateUpdate: (object, old) => updateFaults(object, old, 'whole'),
    validateStatusUpdate: (object, old) => updateFaults(object, old, 'status'),
    shape: () => shape,
    empty: () => ({ metadata: {} }) as KubernetesObject,
    columns: () => [
      { name: 'Name', type: 'string', format: 'name', description: '', priority: 0 },
      ...columns.map(
        ({ name, type, format = '', description = '', priority = 0 }): TableColumnDefinition => ({
          name,
          type,
          format,
          description,
          priority,
        }),
      ),
    ],
    row: (object, now) => [object.metadata.name ?? '', ...columns.map((column, i) => cell(column, paths[i], object, now))],
  };
}

const TYPE_FIELDS = ['apiVersion', 'kind', 'metadata'];

function withoutTypeFields<T>(fields: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !TYPE_FIELDS.includes(name)));
}

/** A status is judged by itself: its faults do not say that they are inside of one. */
function statusFaults(schema: JsonSchema | undefined, status: unknown, old: unknown): StatusCause[] {
  if (schema === undefined || status === undefined) return [];
  return checkValue(schema, status, '', old).map((cause) => {
    if (cause.field === '<nil>') return cause;
    return { ...cause, field: cause.field ? `status.${cause.field}` : 'status' };
  });
}

/** The lender's own content is not the custom object's concern. */
function metaCauses(causes: StatusCause[]): StatusCause[] {
  // Finalizers without an owner are taken, for compatibility.
  return causes.filter(({ field = '' }) => field.startsWith('metadata') && !field.startsWith('metadata.finalizers['));
}

function cell(column: PrinterColumn, path: ReturnType<typeof parseJsonPath>, object: KubernetesObject, now: Date): unknown {
  const values = path === undefined ? [] : evaluateJsonPath(path, object);
  const value = values[0];
  if (value === undefined) return null;
  switch (column.type) {
    case 'date': {
      const time = Date.parse(String(value));
      return Number.isNaN(time) ? '<invalid>' : formatDuration(now.getTime() - time);
    }
    case 'integer':
    case 'number':
      return typeof value === 'number' ? value : null;
    case 'boolean':
      return typeof value === 'boolean' ? value : null;
    default:
      return isStruct(value) || Array.isArray(value) ? JSON.stringify(value) : String(value);
  }
}
