export * from './client/api-client.ts';
export * from './errors.ts';
export * from './object.ts';
export * from './schema/registry.ts';
export * from './selectors.ts';
export * from './status.ts';
