export { findShapeFault } from './field-set.ts';
export { applyConfiguration, managersAfterUpdate, requireManager, type Writer } from './managers.ts';
export { builtinShape, emptyBuiltin, LEAF, OPEN, type Shape } from './shape.ts';
