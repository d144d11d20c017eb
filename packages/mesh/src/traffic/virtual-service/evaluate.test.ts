import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { RouteSchema } from '@palisade/xds/api/envoy/config/route/v3/route_components';
import fc from 'fast-check';
import { selectRoute } from '../../testing/select-route.ts';
import { candidatesOf } from './candidates.ts';
import { compileHttpRoutes } from './compile-http.ts';
import { chooseCandidate, type RoutedRequest, rewriteRequest } from './evaluate.ts';
import type { HttpAction } from './model.ts';
import { parseVirtualService } from './parse.ts';
import type { RoutingPlace } from './select.ts';

const place: RoutingPlace = { gateway: 'mesh', namespace: 'shop', labels: { app: 'web' }, port: 80, scheme: 'http' };
const parse = (http: unknown) =>
  parseVirtualService(
    { apiVersion: 'x/v1', kind: 'VirtualService', metadata: { name: 'v', namespace: 'shop' }, spec: { hosts: ['db'], http } },
    'cluster.local',
  );
const request = (rest: Partial<RoutedRequest> = {}): RoutedRequest => ({
  ...{ method: 'GET', authority: 'db', path: '/a', query: '', headers: new Map(), ...rest },
});
const route = [{ destination: { host: 'db' } }];

test('property: the route that is chosen here is the one that Envoy would choose of the compiled ones', () => {
  const word = fc.constantFrom('/', '/a', '/A', '/ab', '/b/a', 'a', 'b', 'ab');
  const text = fc.oneof(
    fc.record({ exact: word }),
    fc.record({ prefix: word }),
    fc.record({ regex: fc.constantFrom('/a.*', 'a*', '.*b', '/[ab]+', '(?:a|b)') }),
  );
  const named = (names: string[]) => fc.dictionary(fc.constantFrom(...names), fc.oneof(text, fc.constant({})), { maxKeys: 2 });
  const match = fc.record(
    {
      uri: text,
      method: fc.constantFrom({ exact: 'GET' }, { regex: 'P.*' }),
      authority: text,
      headers: named(['x-a', 'x-b']),
      withoutHeaders: named(['x-a', 'x-b']),
      queryParams: named(['p', 'q']),
      port: fc.constantFrom(80, 81),
      sourceLabels: fc.constantFrom({ app: 'web' }, { app: 'db' }),
      scheme: fc.constantFrom({ exact: 'http' }, { prefix: 'https' }),
    },
    { requiredKeys: [] },
  );
  const anyCase = match.map((each) => ({ ...each, ...(each.uri !== undefined && !('regex' in each.uri) ? { ignoreUriCase: true } : {}) }));
  const matches = fc.option(fc.array(fc.oneof(match, anyCase), { minLength: 1, maxLength: 2 }), { nil: undefined });
  const value = fc.option(fc.constantFrom('', 'a', 'b', 'ab', '/a'), { nil: undefined });
  const asked = fc.record({
    method: fc.constantFrom('GET', 'POST', 'PUT'),
    authority: fc.constantFrom('a', 'ab', 'db'),
    path: fc.constantFrom('/', '/a', '/A', '/ab', '/b/a', '/c'),
    parameters: fc.record({ p: value, q: value }),
    headers: fc.record({ 'x-a': value, 'x-b': value }),
  });
  let chosen = 0;
  fc.assert(
    fc.property(fc.array(matches, { minLength: 1, maxLength: 3 }), asked, (written, { parameters, headers, ...rest }) => {
      const owner = parse(written.map((each, index) => ({ name: `r${index}`, route, ...(each === undefined ? {} : { match: each }) })));
      const given = <T>(fields: Readonly<Record<string, T | undefined>>) =>
        Object.entries(fields).flatMap(([name, found]) => (found === undefined ? [] : [[name, found] as const]));
      const query = given(parameters);
      const one = request({
        ...rest,
        query: query.map(([name, found]) => `${name}=${found}`).join('&'),
        headers: new Map(given(headers).map(([name, found]) => [name, [found]])),
      });
      const compiled = compileHttpRoutes(owner, place, () => undefined).map((each) => create(RouteSchema, each));
      const pseudo = [
        [':method', rest.method],
        [':authority', rest.authority],
      ] as const;
      const wanted = selectRoute(compiled, {
        path: rest.path,
        query: new Map(query),
        headers: new Map([...pseudo, ...given(headers)]),
      });
      const candidates = candidatesOf(owner, place);
      const choice = chooseCandidate(candidates, one);
      if (wanted !== undefined) chosen++;
      assert.equal(choice?.route.name, wanted?.name);
      assert.equal(candidates.length === 0, compiled.length === 0);
    }),
    { numRuns: 2000 },
  );
  assert.ok(chosen > 200, `${chosen} requests found a route`);
});

test('a header that must not be there, and is not', () => {
  const fits = (wanted: object, headers: [string, string[]][] = []) =>
    chooseCandidate(
      candidatesOf(parse([{ route, match: [{ withoutHeaders: { 'x-a': wanted } }] }]), place),
      request({ headers: new Map(headers) }),
    ) !== undefined;
  assert.equal(fits({}), true);
  assert.equal(fits({}, [['x-a', ['']]]), false);
  assert.equal(fits({ regex: 'a+' }), true);
  assert.equal(fits({ regex: 'a*' }), false, 'it counts as empty, which the expression takes');
});

test('what leaves the proxy', () => {
  const rows: [
    what: string,
    http: object,
    given: Partial<RoutedRequest>,
    path: string,
    authority: string,
    headers: Record<string, string[]>,
  ][] = [
    ['nothing is changed', {}, {}, '/a', 'db', {}],
    ['the prefix that matched', { match: [{ uri: { prefix: '/v1/' } }], rewrite: { uri: '/' } }, { path: '/v1/a' }, '/a', 'db', {}],
    ['an exact path as a whole', { match: [{ uri: { exact: '/a' } }], rewrite: { uri: '/b' } }, {}, '/b', 'db', {}],
    ['the leading slash of any path', { rewrite: { uri: '/b/' } }, {}, '/b/a', 'db', {}],
    ['the host', { rewrite: { authority: 'other' } }, {}, '/a', 'other', {}],
    [
      'every place of an expression, with its groups',
      { rewrite: { uriRegexRewrite: { match: '/(\\w)(\\w)', rewrite: '/$\\2\\1' } } },
      { path: '/ab/cd' },
      '/$ba/$dc',
      'db',
      {},
    ],
    [
      'headers: removed, then set, then added; the destination’s before the route’s',
      {
        headers: { request: { set: { 'X-A': 'route' }, add: { 'x-c': '100%%' } } },
        route: [
          { destination: { host: 'db' }, headers: { request: { remove: ['X-B'], set: { 'x-a': 'destination' }, add: { 'x-c': '2' } } } },
        ],
      },
      {
        headers: new Map([
          ['x-a', ['0']],
          ['x-b', ['0']],
          ['x-c', ['1']],
        ]),
      },
      '/a',
      'db',
      { 'x-a': ['route'], 'x-c': ['1', '2', '100%'] },
    ],
  ];
  for (const [what, http, given, path, authority, headers] of rows) {
    const choice = chooseCandidate(candidatesOf(parse([{ route, ...http }]), place), request(given));
    assert.ok(choice !== undefined, what);
    const action = choice.route.action as Extract<HttpAction, { kind: 'forward' }>;
    const changes = [action.destinations[0]!.headers.request, choice.route.headers.request];
    const left = rewriteRequest(request(given), action, choice.match, changes);
    assert.deepEqual([left.path, left.authority, Object.fromEntries(left.headers)], [path, authority, headers], what);
  }
});
