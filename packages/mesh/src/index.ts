export { type MergedMtls, MtlsMode, mergePeerAuthentication, type PeerAuthentication, portMode } from './authn/peer-authentication.ts';
export {
  compileTokens,
  type FindJwks,
  type JwtRule,
  planTokens,
  type RequestAuthentication,
  selectRequestAuthentications,
} from './authn/request-authentication.ts';
export { compileHttpAuthorization, compileTcpAuthorization } from './authz/compile.ts';
export { type CustomContext, compileHttpCustom, compileTcpCustom } from './authz/compile-custom.ts';
export { type AuthzDecision, evaluateAuthorization, type NearMiss, type RuleRef } from './authz/evaluate.ts';
export { explainDecision } from './authz/explain.ts';
export type { AuthzFacts, HttpFacts } from './authz/match.ts';
export { type AuthorizationPolicy, AuthzAction, type Condition, type Operation, type Rule, type Source } from './authz/policy.ts';
export { selectAuthorizationPolicies, type WorkloadPlace } from './authz/select.ts';
export type { InboundInput, InboundPort, PathNormalization, PortProtocol } from './inbound/input.ts';
export { compileInbound, type InboundResources } from './inbound/listener.ts';
export {
  denyingLegacyPolicy,
  type LegacyAuthnPolicy,
  type LegacyServicePort,
  parseLegacyAuthnPolicy,
  resolveLegacyAuthn,
} from './legacy/authn.ts';
export {
  type Conversion,
  type ConversionOptions,
  type ConversionStyle,
  type ConvertedPolicy,
  type ConvertibleService,
  convertLegacyRbac,
} from './legacy/convert.ts';
export { type AuthnConversion, type AuthnService, type ConvertedAuthn, convertLegacyAuthn } from './legacy/convert-authn.ts';
export { combineGenerations, type LegacyRbac, type LegacyWorkload, translateLegacyRbac } from './legacy/rbac.ts';
export {
  parseRbacConfig,
  parseServiceRole,
  parseServiceRoleBinding,
  type RbacConfig,
  type ServiceRole,
  type ServiceRoleBinding,
} from './legacy/rbac-resources.ts';
export { type LegacyResources, noLegacy, resolveSecurity, type WorkloadSecurity } from './legacy/security.ts';
export { MeshError, type MeshErrorCode } from './mesh-error.ts';
export { dryRunAnnotation, parseAuthorizationPolicy } from './resources/authorization-policy.ts';
export { type ExtensionProvider, type FindService, type ProviderState, readExtensionProviders } from './resources/extension-provider.ts';
export { parsePeerAuthentication } from './resources/peer-authentication.ts';
export { parseRequestAuthentication } from './resources/request-authentication.ts';
