/** HTTP filters in the order of the configuration; the router must be the last. */

import type { JwtAuthentication } from '@palisade/xds/api/envoy/extensions/filters/http/jwt_authn/v3/config';
import { JwtAuthenticationSchema } from '@palisade/xds/api/envoy/extensions/filters/http/jwt_authn/v3/config';
import { type RBAC as HttpRbac, RBACSchema as HttpRbacSchema } from '@palisade/xds/api/envoy/extensions/filters/http/rbac/v3/rbac';
import { RouterSchema } from '@palisade/xds/api/envoy/extensions/filters/http/router/v3/router';
import type { HttpFilter as HttpFilterConfig } from '@palisade/xds/api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager';
import { refuseUnread, unpack } from '../config/registry.ts';
import { compileJwt } from '../jwt/filter.ts';
import { ProxyError, unsupported } from '../proxy-error.ts';
import { compileRbac } from '../rbac/engine.ts';
import type { Runtime } from '../runtime.ts';
import type { HttpFilter } from './request-state.ts';

export function compileHttpFilters(configs: readonly HttpFilterConfig[], runtime: Runtime, stat: string, where: string): HttpFilter[] {
  const filters: HttpFilter[] = [];
  configs.forEach((config, index) => {
    const at = `${where}, http filter "${config.name}"`;
    if (config.disabled) return;
    const message = unpack(config.configType.case === 'typedConfig' ? config.configType.value : undefined, at);
    const isLast = index === configs.length - 1;
    if ((message.$typeName === RouterSchema.typeName) !== isLast)
      throw new ProxyError('bad-config', `${at}: the router, and only it, must come last`);
    if (message.$typeName === HttpRbacSchema.typeName) filters.push(...compileHttpRbac(message as HttpRbac, runtime, stat, at));
    else if (message.$typeName === JwtAuthenticationSchema.typeName) filters.push(compileJwt(message as JwtAuthentication, runtime, at));
    else if (!isLast) throw unsupported(at, `type "${message.$typeName}"`);
  });
  if (configs.length === 0) throw new ProxyError('bad-config', `${where}: http_filters is empty, expected at least the router`);
  return filters;
}

const rbacNamespace = 'envoy.filters.http.rbac';

function compileHttpRbac(config: HttpRbac, runtime: Runtime, stat: string, where: string): HttpFilter[] {
  refuseUnread(
    HttpRbacSchema,
    config,
    ['rules', 'shadow_rules', 'rules_stat_prefix', 'shadow_rules_stat_prefix', 'track_per_rule_stats'],
    where,
  );
  const filters: HttpFilter[] = [];
  const { rules, shadowRules } = config;
  const count = (prefix: string, name: string) => runtime.stats.counter(`${stat}.rbac.${prefix}${name}`);
  if (shadowRules !== undefined) {
    const engine = compileRbac(shadowRules, `${where}, shadow_rules`);
    const prefix = config.shadowRulesStatPrefix;
    const [allowed, denied] = [count(prefix, 'shadow_allowed'), count(prefix, 'shadow_denied')];
    filters.push((state) => {
      const verdict = engine(state);
      (verdict.isAllowed ? allowed : denied).value++;
      state.metadata ??= {};
      state.metadata[rbacNamespace] = {
        ...(state.metadata[rbacNamespace] as object | undefined),
        [`${prefix}shadow_engine_result`]: verdict.isAllowed ? 'allowed' : 'denied',
        ...(verdict.policy === undefined ? {} : { [`${prefix}shadow_effective_policy_id`]: verdict.policy }),
      };
      return undefined;
    });
  }
  if (rules !== undefined) {
    const engine = compileRbac(rules, `${where}, rules`);
    const [allowed, denied] = [count(config.rulesStatPrefix, 'allowed'), count(config.rulesStatPrefix, 'denied')];
    filters.push((state) => {
      const verdict = engine(state);
      if (verdict.isAllowed) {
        allowed.value++;
        return undefined;
      }
      denied.value++;
      return { status: 403, body: 'RBAC: access denied', details: `rbac_access_denied_matched_policy[${verdict.policy ?? 'none'}]` };
    });
  }
  return filters;
}
