export * from './client/api-client.ts';
export * from './object.ts';
export * from './status.ts';
