import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRegistry, type DescMessage, toJson } from '@bufbuild/protobuf';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import { ClusterSchema } from '@palisade/xds/api/envoy/config/cluster/v3/cluster';
import { ListenerSchema } from '@palisade/xds/api/envoy/config/listener/v3/listener';
import { ExtAuthzSchema as HttpExtAuthzSchema } from '@palisade/xds/api/envoy/extensions/filters/http/ext_authz/v3/ext_authz';
import { JwtAuthenticationSchema } from '@palisade/xds/api/envoy/extensions/filters/http/jwt_authn/v3/config';
import { RBACSchema as HttpRbacSchema } from '@palisade/xds/api/envoy/extensions/filters/http/rbac/v3/rbac';
import { RouterSchema } from '@palisade/xds/api/envoy/extensions/filters/http/router/v3/router';
import { HttpInspectorSchema } from '@palisade/xds/api/envoy/extensions/filters/listener/http_inspector/v3/http_inspector';
import { OriginalDstSchema } from '@palisade/xds/api/envoy/extensions/filters/listener/original_dst/v3/original_dst';
import { TlsInspectorSchema } from '@palisade/xds/api/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector';
import { ExtAuthzSchema as NetworkExtAuthzSchema } from '@palisade/xds/api/envoy/extensions/filters/network/ext_authz/v3/ext_authz';
import { HttpConnectionManagerSchema } from '@palisade/xds/api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager';
import { RBACSchema as NetworkRbacSchema } from '@palisade/xds/api/envoy/extensions/filters/network/rbac/v3/rbac';
import { TcpProxySchema } from '@palisade/xds/api/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy';
import { UriTemplateMatchConfigSchema } from '@palisade/xds/api/envoy/extensions/path/match/uri_template/v3/uri_template_match';
import { DownstreamTlsContextSchema } from '@palisade/xds/api/envoy/extensions/transport_sockets/tls/v3/tls';
import { MtlsMode } from '../authn/peer-authentication.ts';
import { planTokens } from '../authn/request-authentication.ts';
import { parseAuthorizationPolicy } from '../resources/authorization-policy.ts';
import { readExtensionProviders } from '../resources/extension-provider.ts';
import { parseRequestAuthentication } from '../resources/request-authentication.ts';
import { validateWithEnvoy, withoutEnvoy } from '../testing/envoy.ts';
import { type ArrivingConnection, selectChain } from '../testing/select-chain.ts';
import type { InboundInput } from './input.ts';
import { compileInbound } from './listener.ts';

const object = (kind: string, spec: object) => ({
  apiVersion: 'security.istio.io/v1',
  kind,
  metadata: { name: 'p', namespace: 'shop' },
  spec,
});

function input(changes: Partial<InboundInput> = {}): InboundInput {
  return {
    ports: [
      { port: 8080, protocol: 'http' },
      { port: 6379, protocol: 'tcp' },
      { port: 9000, protocol: 'auto' },
    ],
    mtls: { mode: MtlsMode.permissive, ports: new Map(), decidedBy: [] },
    authorization: [],
    tokens: planTokens([]),
    findJwks: () => undefined,
    providers: new Map(),
    trustDomains: { local: 'cluster.local', aliases: ['old.td'] },
    pathNormalization: 'BASE',
    accessLogs: { chain: () => [], refused: [] },
    appSource: { ipv4: '127.0.0.6', ipv6: '::6' },
    ...changes,
  };
}

const plain: ArrivingConnection = { destinationIp: '10.0.0.9', destinationPort: 0, transport: 'raw_buffer', applicationProtocols: [] };
const sniffed = { ...plain, applicationProtocols: ['http/1.1'] };
const ownTls: ArrivingConnection = { ...plain, transport: 'tls', applicationProtocols: ['http/1.1'] };
const meshHttp: ArrivingConnection = { ...plain, transport: 'tls', applicationProtocols: ['istio-http/1.1', 'istio'] };
const meshTcp: ArrivingConnection = { ...plain, transport: 'tls', applicationProtocols: ['istio'] };

test('which chain takes a connection: kind × port × mode', () => {
  const kinds = { plain, sniffed, ownTls, meshHttp, meshTcp };
  const table = (mode: MtlsMode, port: number) => {
    const { listener } = compileInbound(input({ mtls: { mode, ports: new Map(), decidedBy: [] } }));
    return Object.values(kinds).map((kind) =>
      selectChain(listener, { ...kind, destinationPort: port })?.name.replace(/^(?:0\.0\.0\.0_\d+|virtualInbound)-/, ''),
    );
  };
  // Columns: plaintext, plaintext HTTP, the application's TLS, the mesh's TLS for HTTP, for TCP.
  assert.deepEqual(table('PERMISSIVE', 8080), ['plain-http', 'plain-http', 'opaque-tcp', 'mutual-http', 'mutual-http']);
  assert.deepEqual(table('PERMISSIVE', 6379), ['plain-tcp', 'plain-tcp', 'opaque-tcp', 'mutual-tcp', 'mutual-tcp']);
  assert.deepEqual(table('PERMISSIVE', 9000), ['plain-tcp', 'plain-http', 'opaque-tcp', 'mutual-http', 'mutual-tcp']);
  assert.deepEqual(table('PERMISSIVE', 1), ['plain-tcp', 'plain-http', 'opaque-tcp', 'mutual-http', 'mutual-tcp']);
  assert.deepEqual(table('STRICT', 8080), [undefined, undefined, 'mutual-http', 'mutual-http', 'mutual-http']);
  assert.deepEqual(table('STRICT', 6379), [undefined, undefined, 'mutual-tcp', 'mutual-tcp', 'mutual-tcp']);
  assert.deepEqual(table('STRICT', 1), [undefined, undefined, 'mutual-tcp', 'mutual-http', 'mutual-tcp']);
  assert.deepEqual(table('DISABLE', 8080), ['plain-http', 'plain-http', undefined, undefined, undefined]);
  assert.deepEqual(table('DISABLE', 6379), ['plain-tcp', 'plain-tcp', 'opaque-tcp', 'opaque-tcp', 'opaque-tcp']);
});

test('ports with a mode of their own, declared or not; IPv6 like IPv4; the listener’s own port goes nowhere', () => {
  const { listener, clusters } = compileInbound(
    input({
      mtls: {
        mode: 'STRICT',
        ports: new Map([
          [8080, 'PERMISSIVE'],
          [7, 'DISABLE'],
          [8, 'STRICT'],
        ]),
        decidedBy: [],
      },
    }),
  );
  const chain = (port: number, kind: ArrivingConnection, destinationIp = '10.0.0.9') =>
    selectChain(listener, { ...kind, destinationPort: port, destinationIp })?.name;
  assert.equal(chain(8080, sniffed), '0.0.0.0_8080-plain-http');
  assert.equal(chain(7, sniffed), '0.0.0.0_7-plain-http');
  assert.equal(chain(8, sniffed), undefined);
  assert.equal(chain(5, sniffed, 'fd00::9'), undefined);
  assert.equal(chain(5, meshTcp, 'fd00::9'), 'virtualInbound-mutual-tcp-ipv6');
  assert.equal(chain(15_006, plain), 'virtualInbound-blackhole');
  assert.deepEqual(
    clusters.map((cluster) => cluster.name),
    [
      'inbound|7||',
      'inbound|6379||',
      'inbound|8080||',
      'inbound|9000||',
      'InboundPassthroughClusterIpv4',
      'InboundPassthroughClusterIpv6',
      'BlackHoleCluster',
    ],
  );
});

const policies = [
  parseAuthorizationPolicy(
    object('AuthorizationPolicy', { action: 'DENY', rules: [{ to: [{ operation: { paths: ['/{**}/x'], ports: ['80'] } }] }] }),
  ),
  parseAuthorizationPolicy(
    object('AuthorizationPolicy', {
      rules: [
        {
          from: [{ source: { principals: ['*'], requestPrincipals: ['i/*'], namespaces: ['a*'] } }],
          when: [{ key: 'request.auth.claims[a]', values: ['b'] }],
        },
      ],
    }),
  ),
  parseAuthorizationPolicy(object('AuthorizationPolicy', { action: 'CUSTOM', provider: { name: 'opa' }, rules: [{}] })),
];
const providers = readExtensionProviders([{ name: 'opa', envoyExtAuthzGrpc: { service: 'a.b', port: 1 } }], 'p', (host) => host);
const tokens = planTokens([
  parseRequestAuthentication(object('RequestAuthentication', { jwtRules: [{ issuer: 'i', jwksUri: 'https://i.test' }] })),
]);
const full = { authorization: policies, providers, tokens, pathNormalization: 'DECODE_AND_MERGE_SLASHES' as const };

test('filters stand in Istio’s order on every chain, undeclared ports included', () => {
  const { listener } = compileInbound(input(full));
  for (const chain of listener.filterChains.filter(({ name }) => name !== 'virtualInbound-blackhole')) {
    const last = chain.filters.at(-1)!;
    const names = (list: readonly { name: string }[]) =>
      list.map((filter) => filter.name.replace(/^envoy\.filters\.(?:http|network)\./, ''));
    if (last.name.endsWith('tcp_proxy')) {
      assert.deepEqual(names(chain.filters), ['rbac', 'ext_authz', 'rbac', 'rbac', 'tcp_proxy'], chain.name);
    } else {
      const manager = anyUnpack(last.configType.value as never, HttpConnectionManagerSchema)!;
      assert.deepEqual(names(manager.httpFilters), ['rbac', 'ext_authz', 'jwt_authn', 'rbac', 'rbac', 'router'], chain.name);
    }
    assert.equal(chain.transportSocket !== undefined, /-mutual-/.test(chain.name), chain.name);
  }
});

const schemas: DescMessage[] = [
  DownstreamTlsContextSchema,
  HttpConnectionManagerSchema,
  HttpExtAuthzSchema,
  HttpInspectorSchema,
  HttpRbacSchema,
  JwtAuthenticationSchema,
  NetworkExtAuthzSchema,
  NetworkRbacSchema,
  OriginalDstSchema,
  RouterSchema,
  TcpProxySchema,
  TlsInspectorSchema,
  UriTemplateMatchConfigSchema,
];

test('Envoy accepts it in every mode', { skip: withoutEnvoy }, () => {
  const registry = createRegistry(...schemas);
  const grpc = (name: string) => ({
    name,
    type: 'STATIC',
    connect_timeout: '1s',
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
        '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
        explicit_http_config: { http2_protocol_options: {} },
      },
    },
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint: { address: { pipe: { path: './sds' } } } }] }] },
  });
  for (const mode of Object.values(MtlsMode)) {
    const { listener, clusters } = compileInbound(input({ ...full, mtls: { mode, ports: new Map([[7, 'STRICT']]), decidedBy: [] } }));
    const problem = validateWithEnvoy({
      node: { id: 'test', cluster: 'test' },
      static_resources: {
        listeners: [toJson(ListenerSchema, listener, { registry })],
        clusters: [...clusters.map((cluster) => toJson(ClusterSchema, cluster, { registry })), grpc('sds-grpc'), grpc('outbound|1||a.b')],
      },
    });
    assert.equal(problem, undefined, mode);
  }
});
