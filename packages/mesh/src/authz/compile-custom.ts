/**
 * CUSTOM policies: shadow rules that mark the requests they select, then the filter that asks the provider about marked requests. When
 * nobody can be asked, because the provider is broken or two are named, the marked requests are denied.
 */
import type { TrustDomains } from '@palisade/identity/trust-domain';
import type { Filter } from '@palisade/xds/api/envoy/config/listener/v3/listener_components';
import type { HttpFilter } from '@palisade/xds/api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager';
import type { ProviderState } from '../resources/extension-provider.ts';
import { compileRules } from './compile-rules.ts';
import { externalShadowPrefix, httpExternalFilter, networkExternalFilter, providerPrefix } from './external.ts';
import { httpRbacFilter, networkRbacFilter, type RbacFilter } from './filters.ts';
import { type AuthorizationPolicy, AuthzAction } from './policy.ts';
import type { Transport } from './terms.ts';

export interface CustomContext {
  readonly trustDomains: TrustDomains;
  readonly providers: ReadonlyMap<string, ProviderState>;
}

export function compileHttpCustom(policies: readonly AuthorizationPolicy[], context: CustomContext): HttpFilter[] {
  const plan = planCustom(policies, context, 'http');
  if (plan === undefined) return [];
  const rbac = httpRbacFilter(plan.rbac);
  return plan.state?.ok ? [rbac, httpExternalFilter(plan.state.provider)] : [rbac];
}

/** An HTTP provider cannot be asked about a connection: there its policies enforce nothing, as in Istio. */
export function compileTcpCustom(policies: readonly AuthorizationPolicy[], context: CustomContext): Filter[] {
  const plan = planCustom(policies, context, 'tcp');
  if (plan === undefined || (plan.state?.ok && plan.state.provider.protocol === 'http')) return [];
  const rbac = networkRbacFilter(plan.rbac);
  return plan.state?.ok ? [rbac, networkExternalFilter(plan.state.provider)] : [rbac];
}

function planCustom(policies: readonly AuthorizationPolicy[], { trustDomains, providers }: CustomContext, transport: Transport) {
  const custom = policies.filter((policy) => policy.action === AuthzAction.custom && !policy.isDryRun);
  if (custom.length === 0) return undefined;
  const named = [...new Set(custom.map((policy) => policy.provider!))];
  const state = named.length === 1 ? providers.get(named[0]!) : undefined;
  const keySuffix = state?.ok ? '' : '-deny-due-to-bad-CUSTOM-action';
  const sets = named.map((provider) =>
    compileRules(
      custom.filter((policy) => policy.provider === provider),
      AuthzAction.custom,
      { trustDomains, transport, keyPrefix: `${providerPrefix(provider)}-`, keySuffix },
    ),
  );
  const rules = { action: sets[0]!.action!, policies: Object.assign({}, ...sets.map((set) => set.policies)) };
  const rbac: RbacFilter = state?.ok
    ? { shadowRules: rules, shadowRulesStatPrefix: externalShadowPrefix }
    : { rules, shadowRulesStatPrefix: '' };
  return { rbac, state };
}
