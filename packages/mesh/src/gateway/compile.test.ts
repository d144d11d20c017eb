import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ListenerSchema } from '@palisade/xds/api/envoy/config/listener/v3/listener';
import { RouteConfigurationSchema } from '@palisade/xds/api/envoy/config/route/v3/route';
import { withoutEnvoy } from '../testing/envoy.ts';
import type { MeshService, MeshSnapshot, Workload } from '../traffic/model.ts';
import { complaint, render } from '../traffic/testing/envoy.ts';
import { service, snapshot } from '../traffic/testing/snapshot.ts';
import { parseVirtualService } from '../traffic/virtual-service/parse.ts';
import { compileGateway } from './compile.ts';
import { parseGateway } from './parse.ts';

// biome-ignore lint/suspicious/noExplicitAny: protobuf JSON
type Json = any;

const edge: Workload = {
  namespace: 'istio-system',
  name: 'gw-1',
  labels: { istio: 'ingressgateway' },
  addresses: ['10.244.9.9'],
  serviceAccount: 'gw',
  isGateway: true,
  interception: 'redirect',
};
/** In front of the gateway: 80 → 8080, 443 → 8443. */
const front: MeshService = {
  ...service('front', '10.96.9.9', { 80: 'http', 443: 'tcp' }, '10.244.9.9'),
  namespace: 'istio-system',
  endpoints: [80, 443].map((port) => ({
    ...service('front', '', { [port]: 'http' }, '10.244.9.9').endpoints[0]!,
    port: port + (port === 80 ? 8000 : 8000),
  })),
};
const services = [
  front,
  service('www', '10.96.0.2', { 8080: 'http' }, '10.244.1.2'),
  service('api', '10.96.0.3', { 9000: 'http' }, '10.244.1.3'),
];

const metadata = (name: string, namespace: string, year: number) => ({ name, namespace, creationTimestamp: `${year}-01-01T00:00:00Z` });
const gateway = (servers: object[], name = 'g', year = 2020, selector: object = { istio: 'ingressgateway' }) =>
  parseGateway({ apiVersion: 'x/v1', kind: 'Gateway', metadata: metadata(name, 'edge', year), spec: { selector, servers } });
const virtual = (hosts: string[], http: object[], rest: object = {}, name = 'v', namespace = 'shop', year = 2020) =>
  parseVirtualService(
    {
      apiVersion: 'x/v1',
      kind: 'VirtualService',
      metadata: metadata(name, namespace, year),
      spec: { hosts, gateways: ['edge/g'], http, ...rest },
    },
    'cluster.local',
  );
const http = (hosts: string[] = ['*'], rest: object = {}, name = 'http') => ({
  port: { number: 80, name, protocol: 'HTTP' },
  hosts,
  ...rest,
});
const https = (hosts: string[], credentialName: string, mode = 'SIMPLE', rest: object = {}) => ({
  port: { number: 443, name: `https-${credentialName}`, protocol: 'HTTPS' },
  hosts,
  tls: { mode, credentialName, ...rest },
});
const to = (host: string, match: object[] = []) => ({ ...(match.length > 0 ? { match } : {}), route: [{ destination: { host } }] });
const compile = (wanted: Partial<MeshSnapshot>) => compileGateway({ ...snapshot({ services }), ...wanted }, edge);
const tables = (wanted: Partial<MeshSnapshot>): Record<string, Json> =>
  Object.fromEntries(
    compile(wanted).routes.map((each) => [
      each.name,
      Object.fromEntries(
        (render(RouteConfigurationSchema, each).virtualHosts ?? []).map((host: Json) => [
          host.domains[0],
          host.routes.map((route: Json) => route.route?.cluster ?? (route.redirect ? 'redirect' : '?')),
        ]),
      ),
    ]),
  );
const www = 'outbound|8080||www.shop.svc.cluster.local';
const api = 'outbound|9000||api.shop.svc.cluster.local';

test('a port is the Service’s, the pod listens on its target; only what routes lead to is known', () => {
  const config = compile({ gateways: [gateway([http()])], virtualServices: [virtual(['*'], [to('www')])] });
  assert.deepEqual(
    config.listeners.map(({ name }) => name),
    ['0.0.0.0_8080'],
  );
  assert.deepEqual(tables({ gateways: [gateway([http()])], virtualServices: [virtual(['*'], [to('www')])] }), {
    'http.8080': { '*': [www] },
  });
  assert.deepEqual(
    config.clusters.map(({ name }) => name),
    [www],
  );
  assert.deepEqual(
    config.endpoints.map(({ clusterName }) => clusterName),
    [www],
  );
});

test('a Gateway that does not select these pods opens nothing; neither does one without a VirtualService answer', () => {
  assert.deepEqual(compile({ gateways: [gateway([http()], 'g', 2020, { istio: 'other' })] }).listeners, []);
  assert.deepEqual(tables({ gateways: [gateway([http()])] }), { 'http.8080': {} });
  assert.deepEqual(
    tables({ gateways: [gateway([http()])], virtualServices: [virtual(['*'], [to('www')], { gateways: ['edge/other'] })] }),
    {
      'http.8080': {},
    },
  );
});

test('hosts are what both sides wrote, the narrower of two; a namespace in front keeps others out', () => {
  const hosts = (offered: string[], asked: string[]) =>
    Object.keys(tables({ gateways: [gateway([http(offered)])], virtualServices: [virtual(asked, [to('www')])] })['http.8080']);
  assert.deepEqual(hosts(['*.example'], ['a.example', 'b.other']), ['a.example']);
  assert.deepEqual(hosts(['a.example'], ['*']), ['a.example']);
  assert.deepEqual(hosts(['shop/*'], ['a.example']), ['a.example']);
  assert.deepEqual(hosts(['bank/*'], ['a.example']), []);
  assert.deepEqual(hosts(['./*'], ['a.example']), []);
});

test('several VirtualServices on one host: the older’s routes first, what takes everything last', () => {
  const old = virtual(['*'], [to('www', [{ uri: { prefix: '/w' } }]), to('www')], {}, 'old', 'shop', 2019);
  const young = virtual(['*'], [to('api', [{ uri: { prefix: '/a' } }]), to('api')], {}, 'young', 'shop', 2021);
  assert.deepEqual(tables({ gateways: [gateway([http()])], virtualServices: [young, old] })['http.8080'], { '*': [www, api, www] });
});

test('exportTo "." keeps a VirtualService from gateways of other namespaces', () => {
  assert.deepEqual(
    tables({ gateways: [gateway([http()])], virtualServices: [virtual(['*'], [to('www')], { exportTo: ['.'] })] })['http.8080'],
    {},
  );
});

test('HTTPS: a chain and a route table for each server, chosen by SNI; each host only where it is offered', () => {
  const gateways = [
    gateway([https(['a.example'], 'cert-a'), https(['b.example'], 'cert-b', 'MUTUAL', { subjectAltNames: ['spiffe://x/y'] })]),
  ];
  const virtualServices = [virtual(['a.example'], [to('www')], {}, 'a'), virtual(['b.example'], [to('api')], {}, 'b')];
  const config = compile({ gateways, virtualServices });
  const { filterChains } = render(ListenerSchema, config.listeners[0]!);
  assert.deepEqual(
    filterChains.map((chain: Json) => chain.filterChainMatch.serverNames),
    [['a.example'], ['b.example']],
  );
  const contexts = filterChains.map((chain: Json) => chain.transportSocket.typedConfig);
  assert.deepEqual(
    contexts.map((each: Json) => each.requireClientCertificate),
    [false, true],
  );
  assert.deepEqual(
    contexts.map((each: Json) => each.commonTlsContext.tlsCertificateSdsSecretConfigs[0].name),
    ['kubernetes://cert-a', 'kubernetes://cert-b'],
  );
  const validation = contexts[1].commonTlsContext.combinedValidationContext;
  assert.equal(validation.validationContextSdsSecretConfig.name, 'kubernetes://cert-b-cacert');
  assert.deepEqual(validation.defaultValidationContext.matchTypedSubjectAltNames, [{ sanType: 'URI', matcher: { exact: 'spiffe://x/y' } }]);
  assert.deepEqual(config.credentials, [
    { name: 'cert-a', isMutual: false },
    { name: 'cert-b', isMutual: true },
  ]);
  assert.deepEqual(tables({ gateways, virtualServices }), {
    'https.443.https-cert-a.g.edge': { 'a.example': [www] },
    'https.443.https-cert-b.g.edge': { 'b.example': [api] },
  });
});

test('httpsRedirect answers before any route', () => {
  const gateways = [gateway([http(['a.example'], { tls: { httpsRedirect: true } })])];
  assert.deepEqual(tables({ gateways, virtualServices: [virtual(['a.example'], [to('www')])] })['http.8080'], {
    'a.example': ['redirect'],
  });
});

test('two that cannot share a port: the older opens it, the younger is left out with a warning', () => {
  const plainOn443 = { port: { number: 443, name: 'p', protocol: 'HTTP' }, hosts: ['*'] };
  const { warnings } = compile({ gateways: [gateway([plainOn443], 'young', 2021), gateway([https(['a.example'], 'c')], 'old', 2019)] });
  assert.deepEqual(warnings, ['Gateway edge/young: port 443 (p) is not opened: an older server speaks another protocol there']);
  const twice = compile({
    gateways: [gateway([https(['a.example'], 'c')], 'old', 2019), gateway([https(['a.example'], 'd')], 'young', 2021)],
  });
  assert.deepEqual(twice.credentials, [{ name: 'c', isMutual: false }]);
  assert.match(twice.warnings[0]!, /young: .*serves "a\.example" there already/);
});

test('authorization and tokens hold at the gateway too', () => {
  const config = compile({
    gateways: [gateway([http()])],
    authorizationPolicies: [{ namespace: 'istio-system', name: 'none', action: 'ALLOW', isDryRun: false, rules: [] }],
  });
  const filters = render(ListenerSchema, config.listeners[0]!).filterChains[0].filters[0].typedConfig.httpFilters;
  assert.deepEqual(
    filters.map((each: Json) => each.name),
    ['envoy.filters.http.rbac', 'envoy.filters.http.router'],
  );
});

test('Envoy accepts it', { skip: withoutEnvoy }, () => {
  const gateways = [
    gateway([
      http(),
      http(['r.example'], { tls: { httpsRedirect: true } }, 'moved'),
      https(['a.example'], 'a'),
      https(['*'], 'b', 'MUTUAL'),
    ]),
  ];
  assert.equal(
    complaint(compile({ gateways, virtualServices: [virtual(['*'], [to('www', [{ uri: { prefix: '/w' } }]), to('api')])] })),
    undefined,
  );
});
