import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type JsonValue, toJson } from '@bufbuild/protobuf';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import { RBACSchema as HttpRbacSchema } from '@palisade/xds/api/envoy/extensions/filters/http/rbac/v3/rbac';
import { RBACSchema as NetworkRbacSchema } from '@palisade/xds/api/envoy/extensions/filters/network/rbac/v3/rbac';
import { parseAuthorizationPolicy } from '../resources/authorization-policy.ts';
import { compileHttpAuthorization, compileTcpAuthorization } from './compile.ts';
import { compileHttpCustom, compileTcpCustom } from './compile-custom.ts';
import { selectAuthorizationPolicies } from './select.ts';

const trustDomains = { local: 'cluster.local', aliases: [] };

function policy(spec: object, name = 'p', namespace = 'shop', annotations: Record<string, string> = {}) {
  return parseAuthorizationPolicy({
    apiVersion: 'security.istio.io/v1',
    kind: 'AuthorizationPolicy',
    metadata: { name, namespace, annotations },
    spec,
  });
}

// biome-ignore lint/suspicious/noExplicitAny: protobuf JSON, read by tests only
const http = (...specs: object[]): any[] =>
  compileHttpAuthorization(
    specs.map((spec, index) => policy(spec, `p${index}`)),
    trustDomains,
  ).map((filter) => toJson(HttpRbacSchema, anyUnpack(filter.configType.value as never, HttpRbacSchema)!) as JsonValue);

// biome-ignore lint/suspicious/noExplicitAny: protobuf JSON, read by tests only
const tcp = (...specs: object[]): any[] =>
  compileTcpAuthorization(
    specs.map((spec, index) => policy(spec, `p${index}`)),
    trustDomains,
  ).map((filter) => toJson(NetworkRbacSchema, anyUnpack(filter.configType.value as never, NetworkRbacSchema)!) as JsonValue);

const to = (operation: object) => [{ to: [{ operation }] }];
const from = (source: object) => [{ from: [{ source }] }];

test('filters stand in the order AUDIT, DENY, ALLOW whatever the order of the policies', () => {
  const actions = http({ rules: [{}] }, { action: 'AUDIT', rules: [{}] }, { action: 'DENY', rules: [{}] }).map(
    (filter) => filter.rules.action ?? 'ALLOW',
  );
  assert.deepEqual(actions, ['LOG', 'DENY', 'ALLOW']);
});

test('no policies, no filters; an empty spec denies all; DENY without rules matches nothing', () => {
  assert.deepEqual(http(), []);
  const never = { permissions: [{ notRule: { any: true } }], principals: [{ notId: { any: true } }] };
  assert.deepEqual(http({})[0].rules, { policies: { 'ns[shop]-policy[p0]-rule[0]': never } });
  assert.deepEqual(http({ action: 'DENY' })[0].rules, { action: 'DENY', policies: { 'ns[shop]-policy[p0]-rule[0]': never } });
  assert.deepEqual(Object.keys(http({ rules: [null, {}] })[0].rules.policies), ['ns[shop]-policy[p0]-rule[1]']);
});

test('written as Istio writes it: presence of a header, one spelling of an address, the order of a source’s terms, domains of ours', () => {
  const rule = (...rules: object[]) => http({ rules })[0].rules.policies['ns[shop]-policy[p0]-rule[0]'];
  const anyHost = { header: { name: ':authority', presentMatch: true } };
  assert.deepEqual(rule(...to({ hosts: ['*'] })).permissions[0].andRules.rules, [{ orRules: { rules: [anyHost] } }]);
  const when = { when: [{ key: 'request.headers[X-A]', values: ['*'] }] };
  assert.deepEqual(rule(when).principals[0].andIds.ids, [{ orIds: { ids: [{ header: { name: 'X-A', presentMatch: true } }] } }]);
  const block = (text: string) => rule(...from({ ipBlocks: [text] })).principals[0].andIds.ids[0].orIds.ids[0].directRemoteIp;
  assert.deepEqual(block('2001:DB8:0::1/64'), { addressPrefix: '2001:db8::1', prefixLen: 64 });
  assert.deepEqual(block('::FFFF:10.0.0.1'), { addressPrefix: '::ffff:10.0.0.1', prefixLen: 128 });
  const source = { namespaces: ['n'], trustDomains: ['*', 'cluster.local', 'x'], principals: ['p'] };
  const names = rule(...from(source)).principals[0].andIds.ids.map(
    (term: { orIds: { ids: { authenticated: { principalName: object } }[] } }) =>
      term.orIds.ids.map(({ authenticated }) => Object.values(authenticated.principalName)[0]),
  );
  assert.deepEqual(names, [['spiffe://p'], ['spiffe://', 'spiffe://cluster.local/', 'spiffe://x/'], [{ regex: '.*/ns/n/.*' }]]);
});

test('trap: on TCP a DENY of a method denies the connection, an ALLOW of a method allows none', () => {
  const deny = tcp({ action: 'DENY', rules: to({ methods: ['GET'] }) })[0].rules.policies['ns[shop]-policy[p0]-rule[0]'];
  assert.deepEqual(deny, { permissions: [{ andRules: { rules: [{ any: true }] } }], principals: [{ andIds: { ids: [{ any: true }] } }] });
  assert.deepEqual(tcp({ rules: to({ methods: ['GET'] }) })[0].rules, {});
  assert.deepEqual(tcp({ rules: to({ notMethods: ['GET'] }) })[0].rules, {});
});

test('trap: a principal that begins with a star, on TCP: the whole name is matched behind its scheme (CVE-2020-16844)', () => {
  const { principals } = tcp({ action: 'DENY', rules: from({ principals: ['*/sa/web'] }) })[0].rules.policies[
    'ns[shop]-policy[p0]-rule[0]'
  ];
  const { regex } = principals[0].andIds.ids[0].orIds.ids[0].authenticated.principalName.safeRegex;
  const matches = (name: string) => new RegExp(`^(?:${regex})$`).test(name);
  assert.deepEqual(
    ['spiffe://cluster.local/ns/shop/sa/web', 'spiffe://cluster.local/ns/shop/sa/webx', 'spiffe://cluster.local/ns/shop/sa/web/x'].map(
      matches,
    ),
    [true, false, false],
  );
});

test('trap: text inside an expression stands for itself', () => {
  const principals = (source: object) =>
    http({ rules: from(source) })[0].rules.policies['ns[shop]-policy[p0]-rule[0]'].principals[0].andIds.ids[0].orIds.ids;
  const regex = (source: object) => principals(source)[0].authenticated.principalName.safeRegex.regex;
  assert.equal(regex({ principals: ['*/ns/a.b/sa/c+d'] }), 'spiffe://.*/ns/a\\.b/sa/c\\+d');
  assert.equal(regex({ namespaces: ['a.b*'] }), '.*/ns/a\\.b.*/.*');
  assert.equal(regex({ serviceAccounts: ['a.b'] }), 'spiffe://.+/ns/shop/(.+/|)sa/a\\.b(/.+)?');
  assert.equal(regex({ serviceAccounts: ['other/a'] }), 'spiffe://.+/ns/other/(.+/|)sa/a(/.+)?');
  assert.equal(regex({ trustDomains: ['a.*'] }), 'spiffe://a\\.[^/]*/.*');
});

test('request principals: halves and stars', () => {
  const match = (value: string) => {
    const [issuer, subject] = http({ rules: from({ requestPrincipals: [value] }) })[0].rules.policies['ns[shop]-policy[p0]-rule[0]']
      .principals[0].andIds.ids[0].andIds.ids;
    assert.deepEqual([issuer.metadata.path.at(-1).key, subject.metadata.path.at(-1).key], ['iss', 'sub']);
    return [issuer.metadata.value.stringMatch, subject.metadata.value.stringMatch];
  };
  const any = { safeRegex: { regex: '.+' } };
  assert.deepEqual(match('*'), [any, any]);
  assert.deepEqual(match('https://i.test/x/joe'), [{ exact: 'https://i.test/x' }, { exact: 'joe' }]);
  assert.deepEqual(match('https://i.test/*'), [{ exact: 'https://i.test' }, any]);
  assert.deepEqual(match('https://i.test/j*'), [{ exact: 'https://i.test' }, { prefix: 'j' }]);
  assert.deepEqual(match('*.test/joe'), [{ suffix: '.test' }, { exact: 'joe' }]);
  assert.deepEqual(match('*/joe'), [any, { exact: 'joe' }]);
  assert.deepEqual(match('*joe'), [any, { suffix: 'joe' }]);
  assert.deepEqual(match('https:*'), [{ prefix: 'https:' }, any]);
});

test('claims match a text and an item of a list', () => {
  const rules = [{ when: [{ key: 'request.auth.claims[realm][roles]', values: ['admin', 'op*'] }] }];
  const { metadata } = http({ rules })[0].rules.policies['ns[shop]-policy[p0]-rule[0]'].principals[0].andIds.ids[0];
  assert.deepEqual(
    metadata.path.map((segment: { key: string }) => segment.key),
    ['payload', 'realm', 'roles'],
  );
  const either = { orMatch: { valueMatchers: [{ stringMatch: { exact: 'admin' } }, { stringMatch: { prefix: 'op' } }] } };
  assert.deepEqual(metadata.value, { orMatch: { valueMatchers: [{ listMatch: { oneOf: either } }, either] } });
});

test('selection: own namespace and root namespace, selectors honoured in both', () => {
  const selected = selectAuthorizationPolicies(
    [
      policy({}, 'b'),
      policy({}, 'a'),
      policy({ selector: { matchLabels: { app: 'db' } } }, 'other-app'),
      policy({ selector: { matchLabels: { app: 'web' } } }, 'c'),
      policy({}, 'x', 'elsewhere'),
      policy({ selector: { matchLabels: { app: 'db' } } }, 'd', 'istio-system'),
      policy({}, 'e', 'istio-system'),
    ],
    { namespace: 'shop', labels: { app: 'web', toString: 'x' } },
    'istio-system',
  );
  assert.deepEqual(
    selected.map((found) => found.name),
    ['e', 'a', 'b', 'c'],
  );
  assert.deepEqual(
    selectAuthorizationPolicies([policy({ selector: { matchLabels: { constructor: 'x' } } })], { namespace: 'shop', labels: {} }, 'r'),
    [],
  );
});

test('CUSTOM fails closed: unknown provider, two providers; an HTTP provider does nothing on TCP', () => {
  const custom = (provider: string) => policy({ action: 'CUSTOM', provider: { name: provider }, rules: to({ ports: ['80'] }) }, provider);
  const config = {
    host: 'a.b',
    port: 1,
    timeoutSeconds: 1,
    isFailOpen: false,
    requestHeaders: [],
    additionalHeaders: {},
    upstreamHeadersOnAllow: [],
    downstreamHeadersOnDeny: [],
    downstreamHeadersOnAllow: [],
  };
  const providers = new Map([
    ['one', { ok: true, provider: { ...config, name: 'one', protocol: 'http' } }],
    ['two', { ok: true, provider: { ...config, name: 'two', protocol: 'grpc' } }],
    ['broken', { ok: false, problem: 'no service' }],
  ] as const);
  const compile = (...names: string[]) => compileHttpCustom(names.map(custom), { trustDomains, providers });
  const denials = (filters: ReturnType<typeof compile>) => {
    const rbac = anyUnpack(filters[0]!.configType.value as never, HttpRbacSchema)!;
    return [
      filters.length,
      rbac.shadowRules === undefined,
      Object.keys(rbac.rules?.policies ?? {}).map((key) => /-deny-due-to-bad-CUSTOM-action$/.test(key)),
    ];
  };
  assert.deepEqual(denials(compile('missing')), [1, true, [true]]);
  assert.deepEqual(denials(compile('broken')), [1, true, [true]]);
  assert.deepEqual(denials(compile('two', 'one')), [2, true, [true]]);
  assert.deepEqual(denials(compile('one')), [2, false, []]);
  assert.deepEqual(compileTcpCustom([custom('one')], { trustDomains, providers }), []);
  assert.equal(compileTcpCustom([custom('two')], { trustDomains, providers }).length, 2);
});
