/** Envoy filters of a golden and of ours, compared as messages: defaults and the order of map entries do not count. */
import { createRegistry, equals, fromJson, type JsonValue, type Message, toJson } from '@bufbuild/protobuf';
import { type Any, anyUnpack } from '@bufbuild/protobuf/wkt';
import { type Filter, type FilterChain, FilterSchema } from '@palisade/xds/api/envoy/config/listener/v3/listener_components';
import type { RBAC } from '@palisade/xds/api/envoy/config/rbac/v3/rbac';
import { ExtAuthzSchema as HttpExtAuthzSchema } from '@palisade/xds/api/envoy/extensions/filters/http/ext_authz/v3/ext_authz';
import { RBACSchema as HttpRbacSchema } from '@palisade/xds/api/envoy/extensions/filters/http/rbac/v3/rbac';
import { ExtAuthzSchema as NetworkExtAuthzSchema } from '@palisade/xds/api/envoy/extensions/filters/network/ext_authz/v3/ext_authz';
import {
  HttpConnectionManagerSchema,
  type HttpFilter,
  HttpFilterSchema,
} from '@palisade/xds/api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager';
import { RBACSchema as NetworkRbacSchema } from '@palisade/xds/api/envoy/extensions/filters/network/rbac/v3/rbac';
import { UriTemplateMatchConfigSchema } from '@palisade/xds/api/envoy/extensions/path/match/uri_template/v3/uri_template_match';

const registry = createRegistry(HttpRbacSchema, NetworkRbacSchema, HttpExtAuthzSchema, NetworkExtAuthzSchema, UriTemplateMatchConfigSchema);

export function readFilter(golden: JsonValue, area: string): Filter | HttpFilter {
  return area === 'tcp' ? fromJson(FilterSchema, golden, { registry }) : fromJson(HttpFilterSchema, golden, { registry });
}

/** @returns the first difference in one line, undefined when both are the same */
export function difference(ours: readonly (Filter | HttpFilter)[], golden: readonly (Filter | HttpFilter)[]): string | undefined {
  if (ours.length !== golden.length) return `${ours.length} filters, expected ${golden.length}`;
  for (const [index, filter] of ours.entries()) {
    const expected = golden[index]!;
    if (filter.name !== expected.name) return `filter ${index} is ${filter.name}, expected ${expected.name}`;
    const [own, wanted] = [unpack(filter), unpack(expected)];
    const schema = registry.getMessage(wanted.$typeName)!;
    if (own.$typeName !== wanted.$typeName || !equals(schema, own, wanted)) {
      const show = (message: Message) => JSON.stringify(toJson(registry.getMessage(message.$typeName)!, message, { registry }));
      return `filter ${index}: ${show(own)}, expected ${show(wanted)}`;
    }
  }
  return undefined;
}

function unpack(filter: Filter | HttpFilter): Message {
  const { value } = filter.configType;
  const message = anyUnpack(value as Any, registry);
  if (message === undefined) throw new Error(`${(value as Any).typeUrl} is not in the registry`);
  return message;
}

/** The enforced rules of a chain's authorization filters, network and HTTP, in order. */
export function rbacOf(chain: FilterChain): RBAC[] {
  const own = chain.filters
    .filter((filter) => filter.name === 'envoy.filters.network.rbac')
    .map((filter) => anyUnpack(filter.configType.value as Any, NetworkRbacSchema)!);
  const managers = chain.filters.filter((filter) => filter.name === 'envoy.filters.network.http_connection_manager');
  const http = managers
    .flatMap((filter) => anyUnpack(filter.configType.value as Any, HttpConnectionManagerSchema)!.httpFilters)
    .filter((filter) => filter.name === 'envoy.filters.http.rbac')
    .map((filter) => anyUnpack(filter.configType.value as Any, HttpRbacSchema)!);
  return [...own, ...http].flatMap((filter) => filter.rules ?? []);
}
