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
import type { ObjectModel } from '../resource.ts';
import { evaluateJsonPath, parseJsonPath } from './json-path.ts';
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
): ObjectModel {
  const columns = printerColumns?.length ? printerColumns : [AGE];
  const paths = columns.map((column) => parseJsonPath(column.jsonPath));
  const lender = isNamespaced ? NAMESPACED_LENDER : CLUSTER_LENDER;
  const lend = (object: KubernetesObject): KubernetesObject => ({ ...lender, metadata: object.metadata });
  const check = (object: KubernetesObject): StatusCause[] => {
    const { apiVersion: _, kind: __, metadata: ___, ...content } = object;
    // What describes apiVersion, kind and metadata in the schema is not asked: the server's own rules hold there.
    const { apiVersion: ____, kind: _____, metadata: ______, ...properties } = schema.properties ?? {};
    return checkValue(
      { ...schema, properties, required: (schema.required ?? []).filter((name) => !['apiVersion', 'kind', 'metadata'].includes(name)) },
      content,
      '',
    );
  };
  const shape = customRootShape(schema, builtinShape(schemas, METADATA_DEFINITION));
  const rules = compileSchemaRules(schema, () => {});
  const whole = (object: KubernetesObject, old: KubernetesObject | undefined): StatusCause[] => {
    const causes = check(object);
    if (!rules.isEmpty && causes.some((cause) => BLOCKING.has(cause.reason ?? ''))) return [...causes, NOT_CHECKED];
    return [...causes, ...rules.check(object, old)];
  };
  return {
    decode(value) {
      const { metadata, ...rest } = value as KubernetesObject;
      const decoded = decodeStrict(schemas, METADATA_ONLY, { apiVersion: 'v1', kind: 'ConfigMap', metadata: metadata ?? {} });
      const object: KubernetesObject = { ...rest, metadata: decoded.object.metadata ?? {} };
      const unknownFields = [...decoded.unknownFields];
      prune(schema, object, '', true, (field) => unknownFields.push(`unknown field "${field}"`));
      return { object, unknownFields };
    },
    applyDefaults(object) {
      fillDefaults(schema, object);
      return object;
    },
    validateCreate: (object) => [...metaCauses(validateCreate(schemas, lend(object))), ...whole(object, undefined)],
    validateUpdate: (object, old) => [...metaCauses(validateUpdate(schemas, lend(object), lend(old))), ...whole(object, old)],
    validateStatusUpdate: (object, old) => [...metaCauses(validateUpdate(schemas, lend(object), lend(old))), ...whole(object, old)],
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
