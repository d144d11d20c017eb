export { findEnvoy, withoutEnvoy } from './envoy.ts';
export { interpretRbac } from './interpret-rbac.ts';
export { type ArrivingConnection, selectChain } from './select-chain.ts';
