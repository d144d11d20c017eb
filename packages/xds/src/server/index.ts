/** Serving xDS. */
export { createDeltaSession } from './delta-session.ts';
export { createDiscoveryMethods, type DiscoveryServerOptions, type ProxyConnection } from './discovery-server.ts';
export { type ResourceSnapshot, toAny, type VersionedResource, versioned, versionOf } from './snapshot.ts';
export type { ProxyStatus, TypeStatus } from './status.ts';
