/** From services and traffic resources to a proxy's configuration. */

export { trustSecret, workloadSecret } from '../inbound/tls.ts';
export { type DestinationRule, parseDestinationRule } from './destination-rule.ts';
export {
  defaultSettings,
  type MeshService,
  type MeshSettings,
  type MeshSnapshot,
  type Protocol,
  type ServiceEndpoint,
  type ServicePort,
  type Workload,
} from './model.ts';
export { readService, readWorkload, tlsModeLabel } from './registry.ts';
export { compileSidecar, type ProxyConfig, securityOf } from './sidecar.ts';
export type { VirtualService } from './virtual-service/model.ts';
export { parseVirtualService } from './virtual-service/parse.ts';
