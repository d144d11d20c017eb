import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClusterSchema } from '@palisade/xds/api/envoy/config/cluster/v3/cluster';
import { ClusterLoadAssignmentSchema } from '@palisade/xds/api/envoy/config/endpoint/v3/endpoint';
import { ListenerSchema } from '@palisade/xds/api/envoy/config/listener/v3/listener';
import { RouteConfigurationSchema } from '@palisade/xds/api/envoy/config/route/v3/route';
import { compileSidecar } from './sidecar.ts';
import { complaint, render, withoutEnvoy } from './testing/envoy.ts';
import { details, service, snapshot } from './testing/snapshot.ts';

// biome-ignore lint/suspicious/noExplicitAny: protobuf JSON
type Json = any;

const inboundOf = (wanted: Parameters<typeof snapshot>[0] = {}) =>
  render(ListenerSchema, compileSidecar(snapshot(wanted), details).listeners.find(({ name }) => name === 'virtualInbound')!);

/** Which of the transports and protocols each chain takes, and whether it ends mutual TLS. */
function chainsOf(listener: ReturnType<typeof inboundOf>, port?: number): string[] {
  return listener.filterChains.flatMap((chain: Json) => {
    const match = chain.filterChainMatch ?? {};
    if (match.destinationPort !== port) return [];
    const kind = chain.filters.at(-1).name.includes('http') ? 'http' : 'tcp';
    const alpn =
      match.applicationProtocols === undefined
        ? 'any'
        : match.applicationProtocols.includes('istio')
          ? 'istio'
          : match.applicationProtocols[0];
    return [`${match.transportProtocol}/${alpn} → ${kind}${chain.transportSocket === undefined ? '' : ' mtls'}`];
  });
}

test('the modes decide which connections a declared HTTP port takes', () => {
  const rows: [string, string[]][] = [
    ['PERMISSIVE', ['tls/istio → http mtls', 'raw_buffer/any → http', 'tls/any → tcp']],
    ['STRICT', ['tls/any → http mtls']],
    ['DISABLE', ['raw_buffer/any → http', 'tls/any → tcp']],
  ];
  for (const [mode, chains] of rows) assert.deepEqual(chainsOf(inboundOf({ peer: [{ spec: { mtls: { mode } } }] }), 9080), chains, mode);
});

test('ports that nobody declares are secured like the rest', () => {
  assert.deepEqual(chainsOf(inboundOf({ peer: [{ spec: { mtls: { mode: 'STRICT' } } }] })), [
    'tls/istio-http/1.1 → http mtls',
    'tls/any → tcp mtls',
  ]);
  const inbound = inboundOf({ authorization: [{}] });
  for (const chain of inbound.filterChains) {
    if (chain.name === 'virtualInbound-blackhole') continue;
    const text = JSON.stringify(chain);
    assert.match(text, /ns\[shop\]-policy\[p0\]-rule\[0\]/, chain.name);
  }
});

test('a port of its own mode keeps it, declared or not', () => {
  const inbound = inboundOf({
    peer: [
      { spec: { mtls: { mode: 'STRICT' } } },
      { spec: { selector: { matchLabels: { app: 'details' } }, portLevelMtls: { 9080: { mode: 'DISABLE' }, 9999: { mode: 'DISABLE' } } } },
    ],
  });
  assert.deepEqual(chainsOf(inbound, 9080), ['raw_buffer/any → http', 'tls/any → tcp']);
  assert.deepEqual(chainsOf(inbound, 9999), ['raw_buffer/http/1.0 → http', 'raw_buffer/any → tcp', 'tls/any → tcp']);
  assert.deepEqual(chainsOf(inbound)[1], 'tls/any → tcp mtls');
});

test('a peer of a foreign trust domain is refused in the handshake', () => {
  const inbound = inboundOf({ settings: { trustDomains: { local: 'shop.example', aliases: ['old.example'] } } });
  const secured = inbound.filterChains.find((chain: Json) => chain.transportSocket !== undefined);
  const context = secured.transportSocket.typedConfig;
  assert.equal(context.requireClientCertificate, true);
  assert.deepEqual(
    context.commonTlsContext.combinedValidationContext.defaultValidationContext.matchTypedSubjectAltNames.map(
      (each: Json) => each.matcher.prefix,
    ),
    ['spiffe://shop.example/', 'spiffe://old.example/'],
  );
});

const clusterOf = (name: string, wanted: Parameters<typeof snapshot>[0] = {}) =>
  render(ClusterSchema, compileSidecar(snapshot(wanted), details).clusters.find((cluster) => cluster.name === name)!);
const db = 'outbound|27017||db.shop.svc.cluster.local';

test('without a DestinationRule each endpoint gets what its proxy takes', () => {
  const cluster = clusterOf(db);
  assert.deepEqual(
    cluster.transportSocketMatches.map((each: Json) => [each.name, each.match]),
    [
      ['tlsMode-istio', { tlsMode: 'istio' }],
      ['tlsMode-disabled', {}],
    ],
  );
  const context = cluster.transportSocketMatches[0].transportSocket.typedConfig;
  assert.equal(context.sni, 'outbound_.27017_._.db.shop.svc.cluster.local');
  assert.deepEqual(context.commonTlsContext.combinedValidationContext.defaultValidationContext.matchTypedSubjectAltNames, [
    { sanType: 'URI', matcher: { exact: 'spiffe://cluster.local/ns/shop/sa/db' } },
  ]);
  const config = compileSidecar(snapshot(), details);
  const flags = (name: string) =>
    render(ClusterLoadAssignmentSchema, config.endpoints.find(({ clusterName }) => clusterName === name)!).endpoints[0].lbEndpoints.map(
      (each: Json) => each.metadata?.filterMetadata,
    );
  assert.deepEqual(flags(db), [{ 'envoy.transport_socket_match': { tlsMode: 'istio' } }]);
  assert.deepEqual(flags('outbound|9090||rpc.shop.svc.cluster.local'), [undefined]);
});

test('auto-mTLS reads the switch and the namespace’s mode, never a workload’s', () => {
  const automatic = (wanted: Parameters<typeof snapshot>[0]) => clusterOf(db, wanted).transportSocketMatches !== undefined;
  assert.equal(automatic({ settings: { isAutoMtls: false } }), false);
  assert.equal(automatic({ peer: [{ spec: { mtls: { mode: 'DISABLE' } } }] }), false);
  assert.equal(automatic({ peer: [{ spec: { selector: { matchLabels: { app: 'db' } }, mtls: { mode: 'DISABLE' } } }] }), true);
});

test('a DestinationRule decides TLS, for all ports or one', () => {
  const socket = (tls: object, extra: object = {}) =>
    clusterOf(db, { rules: [{ host: 'db', trafficPolicy: { tls, ...extra } }] }).transportSocket?.typedConfig;
  assert.equal(socket({ mode: 'DISABLE' }), undefined);
  assert.equal(socket({ mode: 'ISTIO_MUTUAL' }).commonTlsContext.tlsCertificateSdsSecretConfigs[0].name, 'default');
  assert.equal(socket({ mode: 'SIMPLE', sni: 'db.example' }).sni, 'db.example');
  assert.equal(
    socket({ mode: 'MUTUAL', clientCertificate: '/c.pem', privateKey: '/k.pem', caCertificates: '/ca.pem' }).commonTlsContext
      .tlsCertificates[0].privateKey.filename,
    '/k.pem',
  );
  assert.equal(socket({ mode: 'ISTIO_MUTUAL' }, { portLevelSettings: [{ port: { number: 27017 }, tls: { mode: 'DISABLE' } }] }), undefined);
});

test('subsets have clusters of their own with the endpoints that fit', () => {
  const rules = [
    {
      host: 'db.shop.svc.cluster.local',
      subsets: [
        { name: 'v1', labels: { version: 'v1' } },
        { name: 'v2', labels: { version: 'v2' } },
      ],
    },
  ];
  const { endpoints } = compileSidecar(snapshot({ rules }), details);
  const count = (subset: string) =>
    endpoints.find(({ clusterName }) => clusterName === `outbound|27017|${subset}|db.shop.svc.cluster.local`)?.endpoints[0]?.lbEndpoints
      .length;
  assert.deepEqual([count('v1'), count('v2')], [1, undefined]);
});

test('routes: every spelling of a service’s name, short ones only at home, no domain twice', () => {
  const twin = {
    ...service('details', '10.96.9.9', { 9080: 'http' }, '10.244.9.9'),
    namespace: 'other',
    hostname: 'details.other.svc.cluster.local',
  };
  const { routes } = compileSidecar(
    snapshot({ services: [twin, service('details', '10.96.0.2', { 9080: 'http' }, '10.244.1.2')] }),
    details,
  );
  const hosts = render(RouteConfigurationSchema, routes[0]!).virtualHosts;
  assert.deepEqual(hosts[0].domains, [
    'details.shop.svc.cluster.local',
    'details.shop.svc.cluster.local.',
    'details',
    'details.shop',
    'details.shop.svc',
    '10.96.0.2',
  ]);
  assert.ok(!hosts[1].domains.includes('details'));
  assert.deepEqual(hosts[2].domains, ['*']);
});

test('Envoy accepts what is compiled', { skip: withoutEnvoy }, () => {
  const deny = { action: 'DENY', rules: [{ to: [{ operation: { paths: ['/admin/{**}'], ports: ['9080'] } }] }] };
  const cases: Record<string, Parameters<typeof snapshot>[0]> = {
    plain: {},
    policies: { authorization: [{}, deny, { action: 'AUDIT', rules: [{}] }] },
    strict: { peer: [{ spec: { mtls: { mode: 'STRICT' } } }] },
    'by port': { peer: [{ spec: { selector: { matchLabels: { app: 'details' } }, portLevelMtls: { 9999: { mode: 'DISABLE' } } } }] },
    closed: { settings: { outbound: 'REGISTRY_ONLY', pathNormalization: 'DECODE_AND_MERGE_SLASHES' } },
    subsets: {
      rules: [{ host: 'db', trafficPolicy: { tls: { mode: 'ISTIO_MUTUAL' } }, subsets: [{ name: 'v1', labels: { version: 'v1' } }] }],
    },
  };
  for (const [name, wanted] of Object.entries(cases)) assert.equal(complaint(compileSidecar(snapshot(wanted), details)), undefined, name);
});
