export type { KubeletOptions, NodeAgent } from './kubelet.ts';
export { createKubelet } from './kubelet.ts';
export type { IssueToken, PodReference } from './pod/context.ts';
export type { RunningPod } from './pod/running.ts';
export { removeTree } from './runtime/remove-tree.ts';
export type { SharedInformers } from './shared-informers.ts';
export { createSharedInformers } from './shared-informers.ts';
export { isDirectlyBelow } from './volumes/claim.ts';
export type { IssuedToken } from './volumes/pod-volumes.ts';
