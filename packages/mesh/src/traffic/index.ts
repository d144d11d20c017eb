/** From services and traffic resources to a proxy's configuration. */

export { type Credential, renderCredential } from '../gateway/credential.ts';
export type { Gateway } from '../gateway/model.ts';
export { parseGateway } from '../gateway/parse.ts';
export { trustSecret, workloadSecret } from '../inbound/tls.ts';
export { canonicalService, describeWorkload, workloadName } from '../telemetry/metadata.ts';
export { type DestinationRule, parseDestinationRule } from './destination-rule.ts';
export { createMemo, type KeptMemo, type Memo, withoutMemo } from './memo.ts';
export {
  defaultSettings,
  type MeshService,
  type MeshSettings,
  type MeshSnapshot,
  type Protocol,
  type ProxyConfig,
  type ServiceEndpoint,
  type ServicePort,
  type Workload,
} from './model.ts';
export { compileProxy } from './proxy.ts';
export { readService, readWorkload, tlsModeLabel } from './registry.ts';
export { securityOf } from './security.ts';
export type { VirtualService } from './virtual-service/model.ts';
export { parseVirtualService } from './virtual-service/parse.ts';
