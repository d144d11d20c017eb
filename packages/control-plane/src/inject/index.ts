/** Injection as values: for the webhook, and for commands that ask about it. */
export { decideInjection } from './decide.ts';
export { injectPod } from './inject.ts';
export type { InjectionSettings } from './options.ts';
export { renderPatch } from './patch.ts';
