export * from './edges.ts';
export * from './handler.ts';
export * from './ring.ts';
