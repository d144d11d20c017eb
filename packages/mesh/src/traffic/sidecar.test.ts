import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClusterSchema } from '@palisade/xds/api/envoy/config/cluster/v3/cluster';
import { ClusterLoadAssignmentSchema } from '@palisade/xds/api/envoy/config/endpoint/v3/endpoint';
import { ListenerSchema } from '@palisade/xds/api/envoy/config/listener/v3/listener';
import { RouteConfigurationSchema } from '@palisade/xds/api/envoy/config/route/v3/route';
import { withoutEnvoy } from '../testing/envoy.ts';
import { compileSidecar } from './sidecar.ts';
import { complaint, render } from './testing/envoy.ts';
import { details, service, snapshot } from './testing/snapshot.ts';

// biome-ignore lint/suspicious/noExplicitAny: protobuf JSON
type Json = any;

const inboundOf = (wanted: Parameters<typeof snapshot>[0] = {}) =>
  render(ListenerSchema, compileSidecar(snapshot(wanted), details).listeners.find(({ name }) => name === 'virtualInbound')!);

test('ports that nobody declares are secured like the rest', () => {
  const inbound = inboundOf({ authorization: [{}] });
  for (const chain of inbound.filterChains) {
    if (chain.name === 'virtualInbound-blackhole') continue;
    const text = JSON.stringify(chain);
    assert.match(text, /ns\[shop\]-policy\[p0\]-rule\[0\]/, chain.name);
  }
});

test('an undeclared protocol: HTTP and bytes have clusters of their own, told apart by ALPN, with the same endpoints', () => {
  const name = 'outbound|8081||db.shop.svc.cluster.local';
  const offered = (cluster: Json) => cluster.transportSocketMatches[0].transportSocket.typedConfig.commonTlsContext.alpnProtocols[0];
  assert.equal(offered(clusterOf(name)), 'istio-http/1.1');
  assert.equal(offered(clusterOf(`${name}~tcp`)), 'istio-peer-exchange');
  assert.equal(clusterOf(`${name}~tcp`).edsClusterConfig.serviceName, name);
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
