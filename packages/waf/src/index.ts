export { findOperator } from './engine/operators/index.ts';
export { findTransformation } from './engine/transformations/index.ts';
