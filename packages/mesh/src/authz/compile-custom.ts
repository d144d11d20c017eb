/**
 * CUSTOM policies: shadow rules that mark the requests they select, then the filter that asks the provider about marked requests. When
 * nobody can be asked, because the provider is broken or two are named, the marked requests are denied.
 */
import type { TrustDomains } from '@palisade/identity/trust-domain';
import type { Filter } from '@palisade/xds/api/envoy/config/listener/v3/listener_components';
import type { HttpFilter } from '@palisade/xds/api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager';
import type { ExtensionProvider, ProviderState } from '../resources/extension-provider.ts';
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
  return planCustom(policies, context, 'http').flatMap(({ rbac, provider }) =>
    provider === undefined ? [httpRbacFilter(rbac)] : [httpRbacFilter(rbac), httpExternalFilter(provider)],
  );
}

/** An HTTP provider cannot be asked about a connection: there its policies enforce nothing, as in Istio. */
export function compileTcpCustom(policies: readonly AuthorizationPolicy[], context: CustomContext): Filter[] {
  return planCustom(policies, context, 'tcp').flatMap(({ rbac, provider }) => {
    if (provider === undefined) return [networkRbacFilter(rbac)];
    return provider.protocol === 'http' ? [] : [networkRbacFilter(rbac), networkExternalFilter(provider)];
  });
}

interface Plan {
  readonly rbac: RbacFilter;
  /** Absent = nobody can be asked, and the rules deny. */
  readonly provider?: ExtensionProvider;
}

/** One for each provider that is named, by name. */
function planCustom(policies: readonly AuthorizationPolicy[], { trustDomains, providers }: CustomContext, transport: Transport): Plan[] {
  const custom = policies.filter((policy) => policy.action === AuthzAction.custom && !policy.isDryRun);
  const named = [...new Set(custom.map((policy) => policy.provider!))].sort();
  const state = named.length === 1 ? providers.get(named[0]!) : undefined;
  const keySuffix = state?.ok ? '' : '-deny-due-to-bad-CUSTOM-action';
  return named.map((name) => {
    const ofProvider = custom.filter((policy) => policy.provider === name);
    const context = { trustDomains, transport, keyPrefix: `${providerPrefix(name)}-`, keySuffix };
    const rules = compileRules(ofProvider, AuthzAction.custom, context);
    return state?.ok
      ? { rbac: { shadowRules: rules, shadowRulesStatPrefix: externalShadowPrefix }, provider: state.provider }
      : { rbac: { rules, shadowRulesStatPrefix: '' } };
  });
}
