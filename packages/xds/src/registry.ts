/** Every message that travels inside an `Any` in our configurations, for rendering them as protobuf JSON. */
import { createRegistry } from '@bufbuild/protobuf';
import { file_envoy_config_cluster_v3_cluster as cluster } from '@palisade/xds/api/envoy/config/cluster/v3/cluster';
import { file_envoy_config_endpoint_v3_endpoint as endpoint } from '@palisade/xds/api/envoy/config/endpoint/v3/endpoint';
import { file_envoy_config_listener_v3_listener as listener } from '@palisade/xds/api/envoy/config/listener/v3/listener';
import { file_envoy_config_route_v3_route as route } from '@palisade/xds/api/envoy/config/route/v3/route';
import { file_envoy_extensions_access_loggers_file_v3_file as fileLog } from '@palisade/xds/api/envoy/extensions/access_loggers/file/v3/file';
import { file_envoy_extensions_access_loggers_grpc_v3_als as grpcLog } from '@palisade/xds/api/envoy/extensions/access_loggers/grpc/v3/als';
import { file_envoy_extensions_filters_http_ext_authz_v3_ext_authz as httpExtAuthz } from '@palisade/xds/api/envoy/extensions/filters/http/ext_authz/v3/ext_authz';
import { file_envoy_extensions_filters_http_jwt_authn_v3_config as jwt } from '@palisade/xds/api/envoy/extensions/filters/http/jwt_authn/v3/config';
import { file_envoy_extensions_filters_http_rbac_v3_rbac as httpRbac } from '@palisade/xds/api/envoy/extensions/filters/http/rbac/v3/rbac';
import { file_envoy_extensions_filters_http_router_v3_router as router } from '@palisade/xds/api/envoy/extensions/filters/http/router/v3/router';
import { file_envoy_extensions_filters_listener_http_inspector_v3_http_inspector as httpInspector } from '@palisade/xds/api/envoy/extensions/filters/listener/http_inspector/v3/http_inspector';
import { file_envoy_extensions_filters_listener_original_dst_v3_original_dst as originalDst } from '@palisade/xds/api/envoy/extensions/filters/listener/original_dst/v3/original_dst';
import { file_envoy_extensions_filters_listener_tls_inspector_v3_tls_inspector as tlsInspector } from '@palisade/xds/api/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector';
import { file_envoy_extensions_filters_network_ext_authz_v3_ext_authz as networkExtAuthz } from '@palisade/xds/api/envoy/extensions/filters/network/ext_authz/v3/ext_authz';
import { file_envoy_extensions_filters_network_http_connection_manager_v3_http_connection_manager as manager } from '@palisade/xds/api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager';
import { file_envoy_extensions_filters_network_rbac_v3_rbac as networkRbac } from '@palisade/xds/api/envoy/extensions/filters/network/rbac/v3/rbac';
import { file_envoy_extensions_filters_network_tcp_proxy_v3_tcp_proxy as tcpProxy } from '@palisade/xds/api/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy';
import { file_envoy_extensions_path_match_uri_template_v3_uri_template_match as uriTemplate } from '@palisade/xds/api/envoy/extensions/path/match/uri_template/v3/uri_template_match';
import { file_envoy_extensions_transport_sockets_raw_buffer_v3_raw_buffer as rawBuffer } from '@palisade/xds/api/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer';
import { file_envoy_extensions_transport_sockets_tls_v3_tls as tls } from '@palisade/xds/api/envoy/extensions/transport_sockets/tls/v3/tls';
import { file_envoy_extensions_upstreams_http_v3_http_protocol_options as protocolOptions } from '@palisade/xds/api/envoy/extensions/upstreams/http/v3/http_protocol_options';

export const typeRegistry = createRegistry(
  ...[cluster, endpoint, listener, route, fileLog, grpcLog, httpExtAuthz, jwt, httpRbac, router, httpInspector, originalDst, tlsInspector],
  ...[networkExtAuthz, manager, networkRbac, tcpProxy, uriTemplate, rawBuffer, tls, protocolOptions],
);
