import {
  applyDefaults,
  builtinShape,
  decodeStrict,
  emptyBuiltin,
  emptyListsOf,
  type GroupVersionKind,
  type KubernetesObject,
  OPEN,
  renderRow,
  type SchemaRegistry,
  tableColumns,
  validateCreate,
  validateStatusUpdate,
  validateUpdate,
} from '@palisade/kubernetes';
import type { ObjectModel } from './resource.ts';

/** A built-in kind, by the schema table. */
export function builtinModel(schemas: SchemaRegistry, gvk: GroupVersionKind): ObjectModel {
  const definition = schemas.schemaFor(gvk);
  const settle = definition === undefined ? undefined : emptyListsOf(schemas, definition);
  return {
    decode: (value) => decodeStrict(schemas, gvk, value),
    applyDefaults: (object) => applyDefaults(schemas, object),
    validateCreate: (object) => validateCreate(schemas, object),
    validateUpdate: (object, old) => validateUpdate(schemas, object, old),
    validateStatusUpdate: (object, old) => validateStatusUpdate(schemas, object, old),
    shape: () => (definition === undefined ? OPEN : builtinShape(schemas, definition.name)),
    empty: () => (definition === undefined ? { metadata: {} } : { metadata: {}, ...emptyBuiltin(schemas, definition) }) as KubernetesObject,
    ...(settle === undefined ? {} : { settle }),
    columns: () => tableColumns(gvk),
    row: (object, now) => renderRow(gvk, object, now),
  };
}
