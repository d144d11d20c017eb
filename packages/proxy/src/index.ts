export { startAdmin } from './admin/admin.ts';
export { adminAddress, parseBootstrap, staticResources } from './config/bootstrap.ts';
export type { AuthzFacts, ConnectionFacts, Peer, RequestFacts } from './facts.ts';
export { Address } from './net/address.ts';
export { DataPlane, type ProxyEdges, type Update } from './proxy.ts';
export { ProxyError, type ProxyErrorCode } from './proxy-error.ts';
export { compileRbac, type RbacEngine, type RbacVerdict } from './rbac/engine.ts';
export { type AdsOptions, runAdsClient } from './xds/ads-client.ts';
