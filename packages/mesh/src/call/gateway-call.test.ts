import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compileGateway } from '../gateway/compile.ts';
import { selectRoute } from '../testing/select-route.ts';
import type { Workload } from '../traffic/model.ts';
import { details, snapshot } from '../traffic/testing/snapshot.ts';
import { hostCovers } from '../traffic/virtual-service/select.ts';
import { chooseDoor, doorsOf, routeAtGateway } from './gateway-call.ts';

const edge: Workload = { ...details, name: 'edge-1', labels: { app: 'edge' }, addresses: ['10.244.1.9'], isGateway: true };
const plain = (hosts: string[], rest: object = {}, name = 'http') => ({ port: { number: 80, name, protocol: 'HTTP' }, hosts, ...rest });
const tls = (name: string, hosts: string[]) => ({
  port: { number: 443, name, protocol: 'HTTPS' },
  hosts,
  tls: { mode: 'SIMPLE', credentialName: name },
});
const gateway = (...servers: object[]) => ({ selector: { app: 'edge' }, servers });
const request = (authority: string, path = '/') => ({ method: 'GET', authority, path, query: '', headers: new Map() });
const to = (host: string) => [{ destination: { host } }];

test('doors: every host on every port; the most exact one is taken', () => {
  const given = snapshot({
    gateways: [
      gateway(plain(['*', '*.example']), tls('a', ['a.example'])),
      { ...gateway(plain(['no.example'])), selector: { app: 'other' } },
    ],
  });
  const doors = doorsOf(given, edge);
  assert.deepEqual(
    doors.map(({ host, port, isTls, gateway: by }) => `${host} ${port} ${isTls} ${by}`),
    ['* 80 false shop/p0', '*.example 80 false shop/p0', 'a.example 443 true shop/p0'],
  );
  assert.equal(
    chooseDoor(
      doors.filter(({ isTls }) => !isTls),
      'a.example',
    )?.host,
    '*.example',
  );
  assert.equal(chooseDoor(doors, 'other')?.host, '*');
  assert.equal(chooseDoor(doors.slice(1), 'other'), undefined);
});

test('with TLS the server that has the name in the hello answers, with its own hosts alone', () => {
  const routes = [{ hosts: ['a.example', 'b.example'], gateways: ['p0'], http: [{ route: to('details') }] }];
  const given = snapshot({ gateways: [gateway(tls('a', ['a.example']), tls('wide', ['*.example']))], routes });
  const ask = (host: string) => routeAtGateway(given, edge, 443, request(host));
  assert.equal(ask('a.example').kind, 'forward');
  assert.equal(ask('B.example:443').kind, 'forward');
  assert.deepEqual(ask('c.example'), {
    kind: 'answer',
    status: 404,
    reason: 'no VirtualService bound to its Gateways has routes for "c.example"',
  });
  assert.deepEqual(ask('other'), { kind: 'answer', status: 0, reason: 'no server there has a certificate for "other"' });
});

test('property: the gateway takes a request where Envoy would with what is compiled', () => {
  const host = fc.constantFrom('a.example', 'b.example', '*.example', '*');
  const hosts = fc.uniqueArray(host, { minLength: 1, maxLength: 2 });
  const prefix = fc.constantFrom('/', '/a', '/b');
  const http = fc.array(
    fc.record({
      match: fc.option(fc.array(fc.record({ uri: fc.record({ prefix }) }), { minLength: 1, maxLength: 2 }), { nil: undefined }),
    }),
    {
      minLength: 1,
      maxLength: 3,
    },
  );
  const isCovered = (list: string[]) => list.some((one) => list.some((other) => one !== other && hostCovers(other, one)));
  const service = fc.record({ hosts: hosts.filter((list) => !isCovered(list)), http });
  const asked = fc.record({
    authority: fc.constantFrom('a.example', 'b.example:80', 'C.example', 'other'),
    path: fc.constantFrom('/', '/a', '/b/c'),
  });
  const server = fc.record({ hosts, isMoved: fc.constantFrom(false, false, true) });
  const seen = new Set<string>();
  fc.assert(
    fc.property(
      fc.array(server, { minLength: 1, maxLength: 2 }),
      fc.array(service, { maxLength: 3 }),
      asked,
      (servers, written, { authority, path }) => {
        const routes = written.map((each, owner) => ({
          hosts: each.hosts,
          gateways: ['p0'],
          http: each.http.map(({ match }, index) => ({
            name: `p${owner} spec.http[${index}]`,
            route: to('details'),
            ...(match ? { match } : {}),
          })),
        }));
        const given = snapshot({
          gateways: [
            gateway(...servers.map((one, index) => plain(one.hosts, one.isMoved ? { tls: { httpsRedirect: true } } : {}, `http-${index}`))),
          ],
          routes,
        });
        const { virtualHosts = [] } = compileGateway(given, edge).routes[0] ?? {};
        const name = authority.toLowerCase().replace(/:\d+$/, '');
        const fits = (domain: string) => domain === name || domain === '*' || (domain.startsWith('*.') && name.endsWith(domain.slice(1)));
        // Envoy: the exact domain, then the longest suffix, then `*`.
        const rank = (domain: string) => (domain === name ? 1000 : domain.length);
        const [found] = virtualHosts.filter(({ domains }) => fits(domains[0]!)).sort((a, b) => rank(b.domains[0]!) - rank(a.domains[0]!));
        const wanted = found && selectRoute(found.routes, { path, query: new Map(), headers: new Map() });
        const answer = routeAtGateway(given, edge, 80, request(authority, path));
        const said = answer.kind === 'forward' ? `${answer.by!.name} ${answer.by!.field}` : String(answer.status);
        assert.equal(said, wanted === undefined ? '404' : wanted.action.case === 'redirect' ? '301' : wanted.name);
        seen.add(answer.kind === 'forward' ? 'forward' : said);
      },
    ),
    { numRuns: 1000 },
  );
  assert.deepEqual([...seen].sort(), ['301', '404', 'forward']);
});
