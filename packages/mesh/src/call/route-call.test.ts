import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Workload } from '../traffic/model.ts';
import { details, service, snapshot } from '../traffic/testing/snapshot.ts';
import { type Dialed, routeCall } from './route-call.ts';

const web: Workload = { ...details, name: 'web-1', labels: { app: 'web' }, addresses: ['10.244.1.9'], serviceAccount: 'web' };
const subsets = { host: 'details', subsets: [{ name: 'v2', labels: { version: 'v2' } }] };
const to = (host: string, rest: object = {}) => ({ destination: { host, ...rest } });
const routes = [
  {
    hosts: ['details'],
    http: [
      { match: [{ uri: { prefix: '/old/' } }], redirect: { uri: '/' } },
      { match: [{ uri: { prefix: '/teapot' } }], directResponse: { status: 418 } },
      { match: [{ uri: { prefix: '/ghost' } }], route: [to('details', { subset: 'v9' })] },
      {
        match: [{ uri: { prefix: '/v2/' } }],
        rewrite: { uri: '/' },
        route: [
          { ...to('details', { subset: 'v2' }), weight: 3 },
          { ...to('rpc', { port: { number: 9090 } }), weight: 1 },
        ],
      },
      { match: [{ uri: { prefix: '/' }, sourceLabels: { app: 'web' }, port: 9080 }], route: [to('details')] },
    ],
  },
  { hosts: ['rpc'], http: [{ match: [{ headers: { 'x-a': {} } }], route: [to('details')] }] },
  { hosts: ['db'], tcp: [{ route: [to('peers')] }] },
  { hosts: ['outside.example'], http: [{ route: [to('details', { port: { number: 9080 } })] }] },
];
const mesh = snapshot({ routes, rules: [subsets] });

function ask(dialed: string | number, authority: string, path = '/', given = mesh, from = web) {
  const [name, number] = typeof dialed === 'number' ? ['', dialed] : (dialed.split(':') as [string, string]);
  const found = given.services.find((each) => each.name === name);
  const port = found?.ports.find((each) => each.port === Number(number));
  const target: Dialed = { port: Number(number), ...(found && port ? { service: { service: found, port } } : {}) };
  const routing = routeCall(given, from, target, { method: 'GET', authority, path, query: '', headers: new Map() });
  switch (routing.kind) {
    case 'as asked':
    case 'past':
      return routing.kind;
    case 'answer':
      return `${routing.by?.field ?? '-'} ${routing.status}`;
    case 'forward':
      return routing.legs
        .map(
          ({ share, written, request, to: there }) =>
            `${routing.by?.field ?? '-'} ${share} ${there ? '' : 'missing '}${written} ${request.path}`,
        )
        .join(', ');
  }
}

test('where the caller’s proxy takes a request', () => {
  const own = 'details.shop.svc.cluster.local:9080';
  const stranger = { ...web, labels: {} };
  const closed = snapshot({ routes, settings: { outbound: 'REGISTRY_ONLY' } });
  const rows: [what: string, found: string, expected: string][] = [
    ['a plain route', ask('details:9080', 'details:9080'), `spec.http[4] 1 ${own} /`],
    ['a redirect', ask('details:9080', 'details', '/old/a'), 'spec.http[0] 301'],
    ['an answer', ask('details:9080', 'details', '/teapot'), 'spec.http[1] 418'],
    ['a subset that is not there', ask('details:9080', 'details', '/ghost'), `spec.http[2] 1 missing ${own} subset v9 /ghost`],
    [
      'shares, each with what it gets',
      ask('details:9080', 'details', '/v2/a'),
      `spec.http[3] 0.75 ${own} subset v2 /a, spec.http[3] 0.25 rpc.shop.svc.cluster.local:9090 /a`,
    ],
    ['a client whom the last route is not for', ask('details:9080', 'details', '/', mesh, stranger), 'spec.http 404'],
    ['no request that fits', ask('rpc:9090', 'rpc', '/'), 'spec.http 404'],
    ['a byte stream', ask('db:27017', 'db'), 'spec.tcp[0] 1 peers.shop.svc.cluster.local:7000 /'],
    ['HTTP on a port of both kinds: no HTTP routes there', ask('db:8081', 'db'), 'as asked'],
    ['by address, of a port that HTTP is expected on', ask(9080, '10.244.1.2:9080'), 'past'],
    ['by address, of another', ask(7070, '10.244.1.2:7070'), 'as asked'],
    ['by address, with the name of a service', ask(9080, 'details'), `spec.http[4] 1 ${own} /`],
    ['another name than the one dialed', ask('rpc:9090', 'details'), 'past'],
    ['nobody’s name', ask('details:9080', 'nobody'), 'past'],
    ['nobody’s name, where these are closed', ask('details:9080', 'nobody', '/', closed), '- 502'],
  ];
  for (const [what, found, expected] of rows) assert.equal(found, expected, what);
});

test('a name that only a VirtualService knows is served on port 80', () => {
  const services = [...mesh.services, service('front', '10.96.0.9', { 80: 'http' }, '10.244.1.9')];
  const given = snapshot({ routes, services });
  assert.match(ask('front:80', 'outside.example', '/', given), /^spec\.http\[0\] 1 details\.shop\.svc\.cluster\.local:9080/);
  assert.equal(ask('details:9080', 'outside.example', '/', given), 'past');
  assert.equal(ask('front:80', 'front', '/', given), 'as asked');
});
