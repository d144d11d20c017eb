/** The mesh's control plane. */
export { type ProxySync, SyncState } from './debug/sync-status.ts';
export { decideInjection, type InjectionSettings, injectPod, renderPatch } from './inject/index.ts';
export { type ControlPlaneOptions, startControlPlane } from './server.ts';
