/** What tests of other rooms take from here. */
export { checkResource } from '../validate.ts';
export { bases, goodValues, keyOf } from './field-samples.ts';
export { type Definition, readDefinitions, withoutDefinitions } from './istio-definitions.ts';
export { type Field, fieldsOf, pathOf, type Schema, withValue } from './schema-fields.ts';
