/**
 * AuthorizationPolicies of one workload as Envoy filters, in the order in which they decide: AUDIT, DENY, ALLOW. CUSTOM stands before
 * authentication and is compiled by `compileCustom`.
 */
import type { TrustDomains } from '@palisade/identity/trust-domain';
import type { Filter } from '@palisade/xds/api/envoy/config/listener/v3/listener_components';
import type { HttpFilter } from '@palisade/xds/api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager';
import { compileRules } from './compile-rules.ts';
import { httpRbacFilter, networkRbacFilter, type RbacFilter } from './filters.ts';
import { type AuthorizationPolicy, AuthzAction } from './policy.ts';
import type { Transport } from './terms.ts';

/** What the external reader of dry-run results finds them by. Without shadow rules the prefix means nothing and is the first. */
const shadowPrefixes: Readonly<Record<AuthzAction, string>> = {
  ALLOW: 'istio_dry_run_allow_',
  DENY: 'istio_dry_run_deny_',
  AUDIT: '',
  CUSTOM: '',
};

/** @param policies those that apply to the workload (`selectAuthorizationPolicies`), in any order */
export function compileHttpAuthorization(policies: readonly AuthorizationPolicy[], trustDomains: TrustDomains): HttpFilter[] {
  return rbacFilters(policies, trustDomains, 'http').map(httpRbacFilter);
}

/** @param policies those that apply to the workload, in any order */
export function compileTcpAuthorization(policies: readonly AuthorizationPolicy[], trustDomains: TrustDomains): Filter[] {
  return rbacFilters(policies, trustDomains, 'tcp').map(networkRbacFilter);
}

function rbacFilters(policies: readonly AuthorizationPolicy[], trustDomains: TrustDomains, transport: Transport): RbacFilter[] {
  return [AuthzAction.audit, AuthzAction.deny, AuthzAction.allow].flatMap((action) => {
    const ofAction = policies.filter((policy) => policy.action === action);
    const rulesOf = (isDryRun: boolean) => {
      const chosen = ofAction.filter((policy) => policy.isDryRun === isDryRun);
      return chosen.length === 0 ? undefined : compileRules(chosen, action, { trustDomains, transport });
    };
    const [rules, shadowRules] = [rulesOf(false), rulesOf(true)];
    if (rules === undefined && shadowRules === undefined) return [];
    const shadowRulesStatPrefix = shadowPrefixes[shadowRules === undefined ? AuthzAction.allow : action];
    return [{ ...(rules && { rules }), ...(shadowRules && { shadowRules }), shadowRulesStatPrefix }];
  });
}
