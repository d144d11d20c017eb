export { applyConfiguration, managersAfterUpdate, requireManager, type Writer } from './managers.ts';
export { managersOfScale, managersOfScaled } from './scale.ts';
export { builtinShape, emptyBuiltin, LEAF, leafOf, OPEN, type Shape } from './shape.ts';
export { findTypeFaults, formatTypeFaults } from './types.ts';
