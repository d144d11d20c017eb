/**
 * What secures one workload, when today's kinds and the old ones stand side by side: decided for each concern as Istio 1.4 and 1.5 did.
 * Today's kind wins whole, and the old one that thereby has no effect is named.
 */
import { type MergedMtls, MtlsMode, mergePeerAuthentication, type PeerAuthentication } from '../authn/peer-authentication.ts';
import { planTokens, type RequestAuthentication, selectRequestAuthentications, type TokenPlan } from '../authn/request-authentication.ts';
import type { AuthorizationPolicy } from '../authz/policy.ts';
import { selectAuthorizationPolicies } from '../authz/select.ts';
import { type LegacyAuthnPolicy, type LegacyServicePort, policyOfPort, resolveLegacyAuthn } from './authn.ts';
import { combineGenerations, type LegacyRbac, translateLegacyRbac } from './rbac.ts';

export interface LegacyResources {
  readonly authentication: readonly LegacyAuthnPolicy[];
  readonly rbac: LegacyRbac;
}

export const noLegacy: LegacyResources = { authentication: [], rbac: { configs: [], roles: [], bindings: [] } };

export interface SecurityResources {
  readonly authorizationPolicies: readonly AuthorizationPolicy[];
  readonly peerAuthentications: readonly PeerAuthentication[];
  readonly requestAuthentications: readonly RequestAuthentication[];
  readonly legacy: LegacyResources;
}

export interface SecurityScope {
  readonly rootNamespace: string;
  readonly trustDomain: string;
  /** `legacy`: where nobody says anything there is no mTLS, as in 1.1. */
  readonly profile: 'current' | 'legacy';
}

export interface SecuredWorkload {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly serviceAccount: string;
  /** Of every service it stands behind, with the service's full name. */
  readonly ports: readonly (LegacyServicePort & { readonly hostname: string })[];
}

export interface WorkloadSecurity {
  readonly mtls: MergedMtls;
  readonly tokens: TokenPlan;
  readonly authorization: readonly AuthorizationPolicy[];
  /** Old resources that apply here and have no effect, one sentence each. */
  readonly warnings: readonly string[];
}

export function resolveSecurity(resources: SecurityResources, workload: SecuredWorkload, scope: SecurityScope): WorkloadSecurity {
  const { rootNamespace, trustDomain, profile } = scope;
  const today = {
    mtls: mergePeerAuthentication(resources.peerAuthentications, workload, rootNamespace),
    requests: selectRequestAuthentications(resources.requestAuthentications, workload, rootNamespace),
    authorization: selectAuthorizationPolicies(resources.authorizationPolicies, workload, rootNamespace),
  };
  const unset = profile === 'legacy' ? MtlsMode.disable : MtlsMode.permissive;
  const old = resolveLegacyAuthn(resources.legacy.authentication, workload.namespace, workload.ports, unset);
  const hasOldTokens = [old.tokens.general, ...old.tokens.ports.values()].some(({ rules }) => rules.length > 0);
  const oldNames = old.mtls.decidedBy.join(', ');
  const services = [...new Set(workload.ports.map(({ hostname }) => hostname))];
  const oldAuthorization = translateLegacyRbac(resources.legacy.rbac, { ...workload, trustDomain, services });
  const { policies, warning } = combineGenerations(today.authorization, oldAuthorization);
  const isPeerToday = today.mtls.decidedBy.length > 0;
  return {
    mtls: isPeerToday ? today.mtls : old.mtls,
    tokens: today.requests.length > 0 ? planTokens(today.requests) : old.tokens,
    authorization: policies,
    warnings: [
      ...(isPeerToday && oldNames !== ''
        ? [`peers of ${oldNames} are ignored here: PeerAuthentication ${today.mtls.decidedBy.join(', ')} applies to the same workload`]
        : []),
      ...(today.requests.length > 0 && hasOldTokens
        ? [
            `origins of ${oldNames} are ignored here: RequestAuthentication ${today.requests
              .map(({ namespace, name }) => `${namespace}/${name}`)
              .join(', ')} applies to the same workload`,
          ]
        : []),
      ...(warning === undefined ? [] : [warning]),
    ],
  };
}

/**
 * The mode that clients of a service reckon with (auto-mTLS): that of its namespace, or of the old policy for its port. What a workload's
 * own PeerAuthentication says is not seen here, as in Istio.
 */
export function advertisedMode(
  { peerAuthentications, legacy }: SecurityResources,
  service: { readonly namespace: string; readonly name: string },
  port: { readonly port: number; readonly name: string },
  rootNamespace: string,
): MtlsMode {
  const general = peerAuthentications.filter(({ selector }) => Object.keys(selector ?? {}).length === 0);
  const merged = mergePeerAuthentication(general, { namespace: service.namespace, labels: {} }, rootNamespace);
  if (merged.decidedBy.length > 0) return merged.mode;
  const target = { service: service.name, port: port.port, portName: port.name };
  return policyOfPort(legacy.authentication, service.namespace, target)?.mode ?? merged.mode;
}
