import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ListenerSchema } from '@palisade/xds/api/envoy/config/listener/v3/listener';
import { RouteConfigurationSchema } from '@palisade/xds/api/envoy/config/route/v3/route';
import { withoutEnvoy } from '../../testing/envoy.ts';
import { compileSidecar } from '../sidecar.ts';
import { complaint, render } from '../testing/envoy.ts';
import { details, service, snapshot } from '../testing/snapshot.ts';
import type { VirtualService } from './model.ts';
import { parseVirtualService } from './parse.ts';

// biome-ignore lint/suspicious/noExplicitAny: protobuf JSON
type Json = any;

const services = [
  service('details', '10.96.0.2', { 9080: 'http' }, '10.244.1.2'),
  service('db', '10.96.0.3', { 27017: 'tcp', 8081: 'auto' }, '10.244.1.3'),
  service('web', '10.96.0.5', { 80: 'http' }, '10.244.1.6'),
];
const configWith = (routes: readonly VirtualService[]) => compileSidecar({ ...snapshot({ services }), virtualServices: routes }, details);
const parse = (spec: object, metadata: object = {}) =>
  parseVirtualService(
    { apiVersion: 'x/v1', kind: 'VirtualService', metadata: { name: 'v', namespace: 'shop', ...metadata }, spec },
    'cluster.local',
  );
const hostOf = (routes: readonly VirtualService[], name = 'details.shop.svc.cluster.local:9080'): Json =>
  configWith(routes)
    .routes.flatMap((each) => render(RouteConfigurationSchema, each).virtualHosts)
    .find((host: Json) => host.name === name);
const cluster = (name: string, port = 9080, subset = '') => `outbound|${port}|${subset}|${name}.shop.svc.cluster.local`;
const to = (host: string, rest: object = {}) => ({ route: [{ destination: { host, ...rest } }] });

test('every kind of match; alternatives become routes of their own; what nothing can reach is left out', () => {
  const { routes } = hostOf([
    parse({
      hosts: ['details'],
      http: [
        {
          name: 'versioned',
          match: [
            { uri: { prefix: '/v2' }, headers: { 'X-Version': { exact: '2' }, 'x-any': {} }, withoutHeaders: { 'x-old': { regex: 'y+' } } },
            { uri: { exact: '/Two' }, ignoreUriCase: true, method: { exact: 'POST' }, queryParams: { v: { exact: '2' } } },
            { uri: { regex: '/a.*' }, port: 1 },
          ],
          ...to('details', { subset: 'v2' }),
        },
        to('details', { subset: 'v1' }),
        to('web'),
      ],
    }),
  ]);
  assert.deepEqual(
    routes.map((route: Json) => route.match),
    [
      {
        prefix: '/v2',
        headers: [
          { name: 'x-version', stringMatch: { exact: '2' } },
          { name: 'x-any', presentMatch: true },
          { name: 'x-old', stringMatch: { safeRegex: { regex: 'y+' } }, invertMatch: true, treatMissingHeaderAsEmpty: true },
        ],
      },
      {
        path: '/Two',
        caseSensitive: false,
        headers: [{ name: ':method', stringMatch: { exact: 'POST' } }],
        queryParameters: [{ name: 'v', stringMatch: { exact: '2' } }],
      },
      { prefix: '/' },
    ],
  );
  assert.deepEqual(
    routes.map((route: Json) => [route.name, route.route.cluster]),
    [
      ['versioned', cluster('details', 9080, 'v2')],
      ['versioned', cluster('details', 9080, 'v2')],
      [undefined, cluster('details', 9080, 'v1')],
    ],
  );
});

test('weights, timeout, rewrite, headers', () => {
  const { routes } = hostOf([
    parse({
      hosts: ['details'],
      http: [
        {
          match: [{ uri: { prefix: '/old' } }],
          route: [
            { destination: { host: 'details', subset: 'v1' }, weight: 90, headers: { response: { add: { 'x-from': 'v1' } } } },
            { destination: { host: 'web' }, weight: 10 },
            { destination: { host: 'ghost' }, weight: 0 },
          ],
          timeout: '2.5s',
          rewrite: { uri: '/new', authority: 'inner.example' },
          headers: { request: { set: { a: '1' }, add: { b: '100%%' }, remove: ['c'] } },
        },
      ],
    }),
  ]);
  const [route] = routes;
  assert.deepEqual(
    route.route.weightedClusters.clusters.map((each: Json) => [each.name, each.weight, each.responseHeadersToAdd?.[0].header]),
    [
      [cluster('details', 9080, 'v1'), 90, { key: 'x-from', value: 'v1' }],
      [cluster('web', 80), 10, undefined],
    ],
  );
  assert.equal(route.route.timeout, '2.500s');
  assert.equal(route.route.prefixRewrite, '/new');
  assert.equal(route.route.hostRewriteLiteral, 'inner.example');
  assert.deepEqual(
    route.requestHeadersToAdd.map((each: Json) => [each.header.key, each.appendAction]),
    [
      ['a', 'OVERWRITE_IF_EXISTS_OR_ADD'],
      ['b', undefined],
    ],
  );
  assert.deepEqual(route.requestHeadersToRemove, ['c']);
});

test('redirects and answers', () => {
  const action = (route: object) => {
    const [first] = hostOf([parse({ hosts: ['details'], http: [route] })]).routes;
    return first.redirect ?? first.directResponse;
  };
  assert.deepEqual(action({ redirect: { authority: 'a.example', uri: '/x', redirectCode: 308 } }), {
    hostRedirect: 'a.example',
    pathRedirect: '/x',
    schemeRedirect: 'http',
    responseCode: 'PERMANENT_REDIRECT',
  });
  assert.deepEqual(action({ directResponse: { status: 418, body: { string: 'tea' } } }), { status: 418, body: { inlineString: 'tea' } });
  assert.deepEqual(action({ directResponse: { status: 418 } }), { status: 418 });
});

test('the exact host before a wildcard, the older before the younger', () => {
  const routed = (...routes: VirtualService[]) => hostOf(routes).routes[0].route.cluster;
  const wild = parse(
    { hosts: ['*.shop.svc.cluster.local'], http: [to('web', { subset: 'wild' })] },
    { creationTimestamp: '2020-01-01T00:00:00Z' },
  );
  const young = parse(
    { hosts: ['details'], http: [to('web', { subset: 'young' })] },
    { name: 'a', creationTimestamp: '2022-01-01T00:00:00Z' },
  );
  const old = parse({ hosts: ['details'], http: [to('web', { subset: 'old' })] }, { name: 'b', creationTimestamp: '2021-01-01T00:00:00Z' });
  assert.equal(routed(wild), cluster('web', 80, 'wild'));
  assert.equal(routed(wild, young), cluster('web', 80, 'young'));
  assert.equal(routed(wild, young, old), cluster('web', 80, 'old'));
});

test('a stranger cannot take over a service’s host: only the namespaces of client and service, and the root’s, are heard', () => {
  const hosts = ['details.shop.svc.cluster.local'];
  const routedBy = (namespace: string, extra: object = {}) =>
    hostOf([parse({ hosts, http: [to('details.shop.svc.cluster.local', { subset: 'x' })], ...extra }, { namespace })]).routes[0].route
      .cluster;
  assert.equal(routedBy('evil'), cluster('details'));
  assert.equal(routedBy('istio-system'), cluster('details', 9080, 'x'));
  assert.equal(routedBy('istio-system', { exportTo: ['.'] }), cluster('details'));
  assert.equal(routedBy('shop', { exportTo: ['.'] }), cluster('details', 9080, 'x'));
});

test('gateways, ports and source decide at compile time; without a fitting route the service’s own stands', () => {
  const routed = (spec: object) => hostOf([parse({ hosts: ['details'], ...spec })]).routes[0].route.cluster;
  const web = { ...to('web') };
  assert.equal(routed({ gateways: ['front'], http: [web] }), cluster('details'));
  assert.equal(routed({ gateways: ['front', 'mesh'], http: [{ ...web, match: [{ gateways: ['front'] }] }] }), cluster('details'));
  assert.equal(routed({ http: [{ ...web, match: [{ sourceLabels: { app: 'other' } }] }] }), cluster('details'));
  assert.equal(
    routed({ http: [{ ...web, match: [{ sourceLabels: { app: 'details' }, sourceNamespace: 'shop', port: 9080 }] }] }),
    cluster('web', 80),
  );
  assert.equal(routed({ http: [{ ...web, match: [{ scheme: { exact: 'https' } }] }] }), cluster('details'));
  assert.equal(routed({ http: [{ ...web, match: [{ scheme: { regex: '(?i)HTTPS' } }] }] }), cluster('details'));
  assert.equal(routed({ http: [{ ...web, match: [{ scheme: { regex: '(?i)(?P<all>HTTPS?)' } }] }] }), cluster('web', 80));
});

test('a host that is no service is routed on port 80', () => {
  const host = hostOf([parse({ hosts: ['api.example'], http: [to('details')] })], 'api.example:80');
  assert.deepEqual([host.domains, host.routes[0].route.cluster], [['api.example'], cluster('details')]);
});

test('TCP: by port, weighted; a destination of undeclared protocol by its bytes', () => {
  const filter = (tcp: object[]) => {
    const listener = configWith([parse({ hosts: ['db'], tcp })]).listeners.find(({ name }) => name === '10.96.0.3_27017')!;
    return render(ListenerSchema, listener).filterChains[0].filters[0].typedConfig;
  };
  const split = {
    route: [
      { destination: { host: 'db', subset: 'v1' }, weight: 1 },
      { destination: { host: 'db', port: { number: 8081 } }, weight: 3 },
    ],
  };
  assert.deepEqual(filter([{ match: [{ port: 27017 }], ...split }]).weightedClusters.clusters, [
    { name: cluster('db', 27017, 'v1'), weight: 1 },
    { name: `${cluster('db', 8081)}~tcp`, weight: 3 },
  ]);
  assert.equal(filter([{ match: [{ port: 1 }], ...split }]).cluster, cluster('db', 27017));
});

test('Envoy accepts it', { skip: withoutEnvoy }, () => {
  const everything = parse({
    hosts: ['details'],
    http: [
      {
        match: [{ uri: { regex: '/(a|b)+' }, headers: { h: { regex: '[a-z]{2}' } }, queryParams: { q: {} } }],
        ...to('ghost', { subset: 'none' }),
      },
      { match: [{ uri: { prefix: '/r' } }], redirect: { uri: '/s', port: 8443, scheme: 'https' } },
      { match: [{ uri: { prefix: '/t' } }], directResponse: { status: 200, body: { string: 'x' } } },
      { match: [{ uri: { prefix: '/u' } }], ...to('web'), rewrite: { uriRegexRewrite: { match: '^/u/(.*)$', rewrite: '/\\1' } } },
      { ...to('details'), headers: { request: { set: { a: '1' }, remove: ['b'] }, response: { add: { c: '%%' } } } },
    ],
  });
  const tcp = parse({
    hosts: ['db'],
    tcp: [
      {
        route: [
          { destination: { host: 'db' }, weight: 1 },
          { destination: { host: 'ghost' }, weight: 1 },
        ],
      },
    ],
  });
  assert.equal(complaint(configWith([everything, tcp])), undefined);
});
