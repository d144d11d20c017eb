/** Message types that may stand inside an `Any`. Whatever is not listed here is refused when it arrives. */
import { createRegistry, type DescField, type DescMessage, isFieldSet, type Message } from '@bufbuild/protobuf';
import { type Any, anyUnpack } from '@bufbuild/protobuf/wkt';
import { file_envoy_config_bootstrap_v3_bootstrap } from '@palisade/xds/api/envoy/config/bootstrap/v3/bootstrap';
import { file_envoy_config_cluster_v3_cluster } from '@palisade/xds/api/envoy/config/cluster/v3/cluster';
import { file_envoy_config_endpoint_v3_endpoint } from '@palisade/xds/api/envoy/config/endpoint/v3/endpoint';
import { file_envoy_config_listener_v3_listener } from '@palisade/xds/api/envoy/config/listener/v3/listener';
import { file_envoy_config_route_v3_route } from '@palisade/xds/api/envoy/config/route/v3/route';
import { file_envoy_extensions_access_loggers_file_v3_file } from '@palisade/xds/api/envoy/extensions/access_loggers/file/v3/file';
import { file_envoy_extensions_access_loggers_grpc_v3_als } from '@palisade/xds/api/envoy/extensions/access_loggers/grpc/v3/als';
import { file_envoy_extensions_filters_http_jwt_authn_v3_config } from '@palisade/xds/api/envoy/extensions/filters/http/jwt_authn/v3/config';
import { file_envoy_extensions_filters_http_rbac_v3_rbac } from '@palisade/xds/api/envoy/extensions/filters/http/rbac/v3/rbac';
import { file_envoy_extensions_filters_http_router_v3_router } from '@palisade/xds/api/envoy/extensions/filters/http/router/v3/router';
import { file_envoy_extensions_filters_listener_http_inspector_v3_http_inspector } from '@palisade/xds/api/envoy/extensions/filters/listener/http_inspector/v3/http_inspector';
import { file_envoy_extensions_filters_listener_original_dst_v3_original_dst } from '@palisade/xds/api/envoy/extensions/filters/listener/original_dst/v3/original_dst';
import { file_envoy_extensions_filters_listener_tls_inspector_v3_tls_inspector } from '@palisade/xds/api/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector';
import { file_envoy_extensions_filters_network_http_connection_manager_v3_http_connection_manager } from '@palisade/xds/api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager';
import { file_envoy_extensions_filters_network_rbac_v3_rbac } from '@palisade/xds/api/envoy/extensions/filters/network/rbac/v3/rbac';
import { file_envoy_extensions_filters_network_tcp_proxy_v3_tcp_proxy } from '@palisade/xds/api/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy';
import { file_envoy_extensions_path_match_uri_template_v3_uri_template_match } from '@palisade/xds/api/envoy/extensions/path/match/uri_template/v3/uri_template_match';
import { file_envoy_extensions_transport_sockets_raw_buffer_v3_raw_buffer } from '@palisade/xds/api/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer';
import { file_envoy_extensions_transport_sockets_tls_v3_secret } from '@palisade/xds/api/envoy/extensions/transport_sockets/tls/v3/secret';
import { file_envoy_extensions_transport_sockets_tls_v3_tls } from '@palisade/xds/api/envoy/extensions/transport_sockets/tls/v3/tls';
import { file_envoy_extensions_upstreams_http_v3_http_protocol_options } from '@palisade/xds/api/envoy/extensions/upstreams/http/v3/http_protocol_options';
import { ProxyError, unsupported } from '../proxy-error.ts';

export const registry = createRegistry(
  file_envoy_config_bootstrap_v3_bootstrap,
  file_envoy_config_cluster_v3_cluster,
  file_envoy_config_endpoint_v3_endpoint,
  file_envoy_config_listener_v3_listener,
  file_envoy_config_route_v3_route,
  file_envoy_extensions_access_loggers_file_v3_file,
  file_envoy_extensions_access_loggers_grpc_v3_als,
  file_envoy_extensions_filters_http_jwt_authn_v3_config,
  file_envoy_extensions_filters_http_rbac_v3_rbac,
  file_envoy_extensions_filters_http_router_v3_router,
  file_envoy_extensions_filters_listener_http_inspector_v3_http_inspector,
  file_envoy_extensions_filters_listener_original_dst_v3_original_dst,
  file_envoy_extensions_filters_listener_tls_inspector_v3_tls_inspector,
  file_envoy_extensions_filters_network_http_connection_manager_v3_http_connection_manager,
  file_envoy_extensions_filters_network_rbac_v3_rbac,
  file_envoy_extensions_filters_network_tcp_proxy_v3_tcp_proxy,
  file_envoy_extensions_path_match_uri_template_v3_uri_template_match,
  file_envoy_extensions_transport_sockets_raw_buffer_v3_raw_buffer,
  file_envoy_extensions_transport_sockets_tls_v3_secret,
  file_envoy_extensions_transport_sockets_tls_v3_tls,
  file_envoy_extensions_upstreams_http_v3_http_protocol_options,
);

const unpacked = new Map<string, Message>();

/**
 * The message inside an `Any`, the same one for the same bytes until `forgetUnpacked`: chains of a listener repeat most of what they hold.
 *
 * @returns undefined for a type that the proxy does not know
 */
export function unpackKnown(any: Any): Message | undefined {
  const { buffer, byteOffset, byteLength } = any.value;
  const key = `${any.typeUrl} ${Buffer.from(buffer, byteOffset, byteLength).toString('latin1')}`;
  const known = unpacked.get(key);
  if (known !== undefined) return known;
  const message = anyUnpack(any, registry);
  if (message !== undefined) unpacked.set(key, message);
  return message;
}

/** After each update: what was compiled from the messages is smaller than they are. */
export function forgetUnpacked(): void {
  unpacked.clear();
}

/** The message inside an `Any`; refused when the proxy does not know its type. */
export function unpack(any: Any | undefined, where: string): Message {
  if (any === undefined || any.typeUrl === '') throw new ProxyError('bad-config', `${where}: typed_config is missing`);
  const message = unpackKnown(any);
  if (message === undefined) throw unsupported(where, `type "${any.typeUrl}"`);
  return message;
}

export function unpackAs<Desc extends DescMessage>(any: Any | undefined, schema: Desc, where: string) {
  const message = any === undefined ? undefined : anyUnpack(any, schema);
  if (message === undefined)
    throw new ProxyError('bad-config', `${where}: found "${any?.typeUrl ?? 'nothing'}", expected ${schema.typeName}`);
  return message;
}

/** Refuses a message that sets a field the compiler would not read: a field read as absent is a disarmed rule. */
export function refuseUnread(schema: DescMessage, message: Message, read: readonly string[], where: string): void {
  const found = schema.fields.find((field: DescField) => isFieldSet(message, field) && !read.includes(field.name));
  if (found !== undefined) throw unsupported(where, `field "${found.name}"`);
}
