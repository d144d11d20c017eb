/** The mesh's control plane. */
export { decideInjection } from './inject/decide.ts';
export { renderPatch } from './inject/patch.ts';
export { type ControlPlaneOptions, startControlPlane } from './server.ts';
export type { ProxySync } from './sync-status.ts';
