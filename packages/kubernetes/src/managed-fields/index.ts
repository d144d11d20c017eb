export { applyConfiguration, managersAfterUpdate, requireManager, type Writer } from './managers.ts';
export { builtinShape, emptyBuiltin, LEAF, OPEN, type Shape } from './shape.ts';
