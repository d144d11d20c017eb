import {
  applyDefaults,
  decodeStrict,
  type GroupVersionKind,
  renderRow,
  type SchemaRegistry,
  tableColumns,
  validateCreate,
  validateUpdate,
} from '@palisade/kubernetes';
import type { ObjectModel } from './resource.ts';

/** A built-in kind, by the schema table. */
export function builtinModel(schemas: SchemaRegistry, gvk: GroupVersionKind): ObjectModel {
  return {
    decode: (value) => decodeStrict(schemas, gvk, value),
    applyDefaults: (object) => applyDefaults(schemas, object),
    validateCreate: (object) => validateCreate(schemas, object),
    validateUpdate: (object, old) => validateUpdate(schemas, object, old),
    columns: () => tableColumns(gvk),
    row: (object, now) => renderRow(gvk, object, now),
  };
}
