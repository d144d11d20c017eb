/** The mesh's control plane. */
export { type ProxySync, SyncState } from './debug/sync-status.ts';
export { decideInjection } from './inject/decide.ts';
export { injectPod } from './inject/inject.ts';
export type { InjectionSettings } from './inject/options.ts';
export { renderPatch } from './inject/patch.ts';
export { type ControlPlaneOptions, startControlPlane } from './server.ts';
