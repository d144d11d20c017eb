/** Certificates and bootstraps for two proxies in a row: client → plain → [A] → mTLS → [B] → plain → application. */
import { randomBytes } from 'node:crypto';
import { checkRequest, createAuthority, createKeyAndRequest, parseWorkloadId, type SigningEdges, signWorkload } from '@palisade/identity';

export interface TestIdentity {
  readonly certPem: string;
  readonly keyPem: string;
  readonly rootPem: string;
  readonly uri: string;
}

const edges: SigningEdges = { now: () => new Date(), randomBytes: (size) => randomBytes(size) };

/** @param names service accounts; all signed by one new authority */
export async function makeIdentities(names: readonly string[], trustDomain = 'cluster.local'): Promise<TestIdentity[]> {
  const { authority } = await createAuthority(trustDomain, edges);
  return Promise.all(
    names.map(async (name) => {
      const uri = `spiffe://${trustDomain}/ns/default/sa/${name}`;
      const id = parseWorkloadId(uri);
      const { privateKeyPem, csrPem } = await createKeyAndRequest(id);
      const { chainPem } = await signWorkload(await checkRequest(csrPem, id), authority, edges);
      return { certPem: chainPem, keyPem: privateKeyPem, rootPem: authority.rootPem, uri };
    }),
  );
}

export interface HopOptions {
  readonly listenPort: number;
  readonly adminPort: number;
  readonly upstreamPort: number;
  readonly logPath: string;
  readonly statPrefix: string;
  /** Reports requests to who listens there, too. */
  readonly agentSocket?: string;
}

const tcp = (port: number) => ({ socket_address: { address: '127.0.0.1', port_value: port } });
const type = (name: string) => `type.googleapis.com/${name}`;

function tlsCommon(identity: TestIdentity, peers: readonly string[]) {
  return {
    tls_params: { tls_minimum_protocol_version: 'TLSv1_3', tls_maximum_protocol_version: 'TLSv1_3' },
    tls_certificates: [{ certificate_chain: { inline_string: identity.certPem }, private_key: { inline_string: identity.keyPem } }],
    validation_context: {
      trusted_ca: { inline_string: identity.rootPem },
      match_typed_subject_alt_names: peers.map((uri) => ({ san_type: 'URI', matcher: { exact: uri } })),
    },
  };
}

const logFormat = {
  start_time: '%START_TIME%',
  method: '%REQ(:METHOD)%',
  path: '%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%',
  protocol: '%PROTOCOL%',
  response_code: '%RESPONSE_CODE%',
  response_flags: '%RESPONSE_FLAGS%',
  response_code_details: '%RESPONSE_CODE_DETAILS%',
  bytes_received: '%BYTES_RECEIVED%',
  bytes_sent: '%BYTES_SENT%',
  duration: '%DURATION%',
  upstream_service_time: '%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%',
  x_forwarded_for: '%REQ(X-FORWARDED-FOR)%',
  user_agent: '%REQ(USER-AGENT)%',
  request_id: '%REQ(X-REQUEST-ID)%',
  authority: '%REQ(:AUTHORITY)%',
  upstream_host: '%UPSTREAM_HOST%',
  upstream_cluster: '%UPSTREAM_CLUSTER%',
  upstream_local_address: '%UPSTREAM_LOCAL_ADDRESS%',
  downstream_local_address: '%DOWNSTREAM_LOCAL_ADDRESS%',
  downstream_remote_address: '%DOWNSTREAM_REMOTE_ADDRESS%',
  requested_server_name: '%REQUESTED_SERVER_NAME%',
  route_name: '%ROUTE_NAME%',
  upstream_transport_failure_reason: '%UPSTREAM_TRANSPORT_FAILURE_REASON%',
  connection_termination_details: '%CONNECTION_TERMINATION_DETAILS%',
};

const accessLog = (path: string) => ({
  name: 'envoy.access_loggers.file',
  typed_config: { '@type': type('envoy.extensions.access_loggers.file.v3.FileAccessLog'), path, log_format: { json_format: logFormat } },
});

/** Where the agent listens. */
export function agentCluster(path: string) {
  const options = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
  return {
    name: 'telemetry-grpc',
    type: 'STATIC',
    connect_timeout: '5s',
    typed_extension_protocol_options: { [options]: { '@type': type(options), explicit_http_config: { http2_protocol_options: {} } } },
    load_assignment: { cluster_name: 'telemetry-grpc', endpoints: [{ lb_endpoints: [{ endpoint: { address: { pipe: { path } } } }] }] },
  };
}

/** An entry a request, or a connection, for the agent. */
export function reportLog(kind: 'http' | 'tcp', logName: string, customTags: readonly unknown[]) {
  const message = kind === 'http' ? 'HttpGrpcAccessLogConfig' : 'TcpGrpcAccessLogConfig';
  return {
    name: `envoy.access_loggers.${kind}_grpc`,
    typed_config: {
      '@type': type(`envoy.extensions.access_loggers.grpc.v3.${message}`),
      common_config: {
        log_name: logName,
        transport_api_version: 'V3',
        grpc_service: { envoy_grpc: { cluster_name: 'telemetry-grpc' } },
        buffer_size_bytes: 65_536,
        custom_tags: customTags,
      },
    },
  };
}

export const router = {
  name: 'envoy.filters.http.router',
  typed_config: { '@type': type('envoy.extensions.filters.http.router.v3.Router') },
};

export function rbacFilter(rules: unknown) {
  return { name: 'envoy.filters.http.rbac', typed_config: { '@type': type('envoy.extensions.filters.http.rbac.v3.RBAC'), rules } };
}

/** @param extra fields of the connection manager that replace the ones here */
export function httpManager(
  options: Pick<HopOptions, 'logPath' | 'statPrefix' | 'agentSocket'>,
  filters: readonly unknown[],
  extra: Record<string, unknown> = {},
) {
  return {
    name: 'envoy.filters.network.http_connection_manager',
    typed_config: {
      '@type': type('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'),
      stat_prefix: options.statPrefix,
      codec_type: 'HTTP1',
      normalize_path: true,
      merge_slashes: true,
      http_filters: [...filters, router],
      access_log: [
        ...(options.logPath === '' ? [] : [accessLog(options.logPath)]),
        ...(options.agentSocket === undefined ? [] : [reportLog('http', options.statPrefix, [])]),
      ],
      route_config: {
        name: 'local',
        virtual_hosts: [
          {
            name: 'all',
            domains: ['*'],
            routes: [{ name: 'default', match: { prefix: '/' }, route: { cluster: 'next', timeout: '15s' } }],
          },
        ],
      },
      ...extra,
    },
  };
}

function bootstrap(options: HopOptions, chain: unknown, clusterExtra: Record<string, unknown>) {
  return {
    node: { id: options.statPrefix, cluster: 'test' },
    admin: { address: tcp(options.adminPort) },
    static_resources: {
      listeners: [{ name: 'main', address: tcp(options.listenPort), filter_chains: [chain] }],
      clusters: [
        {
          name: 'next',
          type: 'STATIC',
          connect_timeout: '5s',
          lb_policy: 'ROUND_ROBIN',
          load_assignment: { cluster_name: 'next', endpoints: [{ lb_endpoints: [{ endpoint: { address: tcp(options.upstreamPort) } }] }] },
          ...clusterExtra,
        },
        ...(options.agentSocket === undefined ? [] : [agentCluster(options.agentSocket)]),
      ],
    },
  };
}

/** The client's sidecar. @param expected identities the server may show */
export function clientHop(options: HopOptions, identity: TestIdentity, expected: readonly string[]) {
  return bootstrap(
    options,
    { filters: [httpManager(options, [])] },
    {
      transport_socket: {
        name: 'tls',
        typed_config: {
          '@type': type('envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext'),
          common_tls_context: tlsCommon(identity, expected),
        },
      },
    },
  );
}

/** The server's sidecar. @param rules who may do what */
export function serverHop(options: HopOptions, identity: TestIdentity, rules: unknown) {
  const manager = httpManager(options, [rbacFilter(rules)], {
    forward_client_cert_details: 'APPEND_FORWARD',
    set_current_client_cert_details: { subject: true, uri: true, dns: true },
  });
  return bootstrap(
    options,
    {
      filters: [manager],
      transport_socket: {
        name: 'tls',
        typed_config: {
          '@type': type('envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext'),
          common_tls_context: tlsCommon(identity, []),
          require_client_certificate: true,
        },
      },
    },
    {},
  );
}

/** A proxy without TLS between a client and an application. */
export function plainHop(options: HopOptions, filters: readonly unknown[], managerExtra: Record<string, unknown> = {}) {
  return bootstrap(options, { filters: [httpManager(options, filters, managerExtra)] }, {});
}

export const allowGetFrom = (uri: string) => ({
  action: 'ALLOW',
  policies: {
    'ns[default]-policy[viewer]-rule[0]': {
      permissions: [
        {
          or_rules: {
            rules: [
              { header: { name: ':method', string_match: { exact: 'GET' } } },
              { header: { name: ':method', string_match: { exact: 'POST' } } },
            ],
          },
        },
      ],
      principals: [{ and_ids: { ids: [{ authenticated: { principal_name: { exact: uri } } }] } }],
    },
  },
});
