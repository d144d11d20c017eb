/** A compiled rule set in the envelope of its filter. */
import { create } from '@bufbuild/protobuf';
import { anyPack } from '@bufbuild/protobuf/wkt';
import { type Filter, FilterSchema } from '@palisade/xds/api/envoy/config/listener/v3/listener_components';
import { RBACSchema as HttpRbacSchema } from '@palisade/xds/api/envoy/extensions/filters/http/rbac/v3/rbac';
import {
  type HttpFilter,
  HttpFilterSchema,
} from '@palisade/xds/api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager';
import { RBACSchema as NetworkRbacSchema } from '@palisade/xds/api/envoy/extensions/filters/network/rbac/v3/rbac';
import type { Rules } from './compile-rules.ts';

export interface RbacFilter {
  readonly rules?: Rules;
  readonly shadowRules?: Rules;
  readonly shadowRulesStatPrefix: string;
}

export function httpRbacFilter({ rules, shadowRules, shadowRulesStatPrefix }: RbacFilter): HttpFilter {
  const config = create(HttpRbacSchema, { ...defined({ rules, shadowRules }), shadowRulesStatPrefix });
  return create(HttpFilterSchema, {
    name: 'envoy.filters.http.rbac',
    configType: { case: 'typedConfig', value: anyPack(HttpRbacSchema, config) },
  });
}

/** Envoy requires a statistics prefix of a network filter; `tcp.` is Istio's. */
export const tcpStatPrefix = 'tcp.';

export function networkRbacFilter({ rules, shadowRules, shadowRulesStatPrefix }: RbacFilter): Filter {
  const config = create(NetworkRbacSchema, { ...defined({ rules, shadowRules }), shadowRulesStatPrefix, statPrefix: tcpStatPrefix });
  return create(FilterSchema, {
    name: 'envoy.filters.network.rbac',
    configType: { case: 'typedConfig', value: anyPack(NetworkRbacSchema, config) },
  });
}

function defined(fields: { rules: Rules | undefined; shadowRules: Rules | undefined }): { rules?: Rules; shadowRules?: Rules } {
  return { ...(fields.rules && { rules: fields.rules }), ...(fields.shadowRules && { shadowRules: fields.shadowRules }) };
}
