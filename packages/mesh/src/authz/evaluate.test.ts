import assert from 'node:assert/strict';
import { test } from 'node:test';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import { RBAC_Action } from '@palisade/xds/api/envoy/config/rbac/v3/rbac';
import { RBACSchema as HttpRbacSchema } from '@palisade/xds/api/envoy/extensions/filters/http/rbac/v3/rbac';
import { RBACSchema as NetworkRbacSchema } from '@palisade/xds/api/envoy/extensions/filters/network/rbac/v3/rbac';
import fc from 'fast-check';
import { parseAuthorizationPolicy } from '../resources/authorization-policy.ts';
import { interpretRbac } from '../testing/interpret-rbac.ts';
import { compileHttpAuthorization, compileTcpAuthorization } from './compile.ts';
import { evaluateAuthorization } from './evaluate.ts';
import type { AuthzFacts } from './match.ts';
import type { AuthorizationPolicy } from './policy.ts';

const trustDomains = { local: 'cluster.local', aliases: ['old.td'] };

function policy(spec: object, name = 'p', annotations: Record<string, string> = {}): AuthorizationPolicy {
  return parseAuthorizationPolicy({
    apiVersion: 'security.istio.io/v1',
    kind: 'AuthorizationPolicy',
    metadata: { name, namespace: 'shop', annotations },
    spec,
  });
}

const connection: AuthzFacts = {
  peer: 'spiffe://cluster.local/ns/shop/sa/web',
  sourceIp: '10.0.0.5',
  remoteIp: '192.0.2.9',
  destinationIp: '10.0.0.9',
  destinationPort: 8080,
};
const facts = (http: Partial<NonNullable<AuthzFacts['http']>> = {}, rest: Partial<AuthzFacts> = {}): AuthzFacts => ({
  ...connection,
  ...rest,
  http: { method: 'GET', authority: 'db:8080', path: '/details/0', headers: new Map(), ...http },
});
const decide = (specs: object[], of: AuthzFacts) =>
  evaluateAuthorization(
    specs.map((spec, index) => policy(spec, `p${index}`)),
    of,
    trustDomains,
  );

test('order and defaults', () => {
  const all = { rules: [{}] };
  const rows: [object[], boolean, string][] = [
    [[], true, 'no ALLOW policy applies to the workload'],
    [[{}], false, 'no rule of the ALLOW policies shop/p0 matches'],
    [[all], true, 'allowed by rule 0 of AuthorizationPolicy shop/p0'],
    [[all, { action: 'DENY', ...all }], false, 'denied by rule 0 of AuthorizationPolicy shop/p1'],
    [[{ action: 'DENY' }], true, 'no ALLOW policy applies to the workload'],
    [[{ action: 'AUDIT', ...all }], true, 'no ALLOW policy applies to the workload'],
    [[{}, all], true, 'allowed by rule 0 of AuthorizationPolicy shop/p1'],
  ];
  for (const [specs, isAllowed, reason] of rows) {
    const decision = decide(specs, facts());
    assert.deepEqual([decision.isAllowed, decision.reason], [isAllowed, reason]);
  }
});

test('bookinfo’s details-viewer: GET of /details/* by productpage, nothing else; the near miss names what stood in the way', () => {
  const viewer = {
    rules: [
      {
        from: [{ source: { principals: ['cluster.local/ns/shop/sa/web'] } }],
        to: [{ operation: { methods: ['GET'], paths: ['/details/*'] } }],
      },
    ],
  };
  assert.equal(decide([viewer], facts()).isAllowed, true);
  assert.equal(decide([viewer], facts({}, { peer: 'spiffe://old.td/ns/shop/sa/web' })).isAllowed, true);
  for (const denied of [
    facts({ method: 'POST' }),
    facts({ path: '/ping' }),
    facts({}, { peer: 'spiffe://cluster.local/ns/shop/sa/auth' }),
  ]) {
    const decision = decide([viewer], denied);
    assert.equal(decision.isAllowed, false);
    assert.equal(decision.nearMisses[0]!.failed.length, 1);
  }
  const { peer: _, ...plaintext } = facts();
  assert.deepEqual(
    decide([viewer], plaintext).nearMisses[0]!.failed.map((term) => term.subject.type),
    ['principal'],
  );
});

test('matching, one row a trap', () => {
  const when = (key: string, values: string[], name = 'values') => ({ when: [{ key, [name]: values }] });
  const operation = (fields: object) => ({ to: [{ operation: fields }] });
  const repeated = new Map([['x-role', ['user', 'admin']]]);
  const { peer: _, ...plaintext } = facts();
  const rows: [string, object, AuthzFacts, boolean][] = [
    ['methods are case-sensitive', operation({ methods: ['get'] }), facts(), false],
    ['hosts are not', operation({ hosts: ['DB:8080'] }), facts(), true],
    ['an exact host does not match host:port', operation({ hosts: ['db'] }), facts(), false],
    ['host with a port wildcard', operation({ hosts: ['db:*'] }), facts(), true],
    ['the workload port', operation({ ports: ['8080'] }), facts(), true],
    ['another port', operation({ ports: ['80'] }), facts(), false],
    ['each value of a repeated header', when('request.headers[X-Role]', ['admin']), facts({ headers: repeated }), true],
    ['a repeated header is never joined', when('request.headers[x-role]', ['user,admin']), facts({ headers: repeated }), false],
    ['notValues looks at each value', when('request.headers[x-role]', ['admin'], 'notValues'), facts({ headers: repeated }), false],
    ['an absent header satisfies notValues', when('request.headers[x-role]', ['admin'], 'notValues'), facts(), true],
    ['* wants it present', when('request.headers[x-role]', ['*']), facts(), false],
    ['it may be empty', when('request.headers[x-role]', ['*']), facts({ headers: new Map([['x-role', ['']]]) }), true],
    [
      'but not where an end of it is asked for',
      when('request.headers[x-role]', ['a*']),
      facts({ headers: new Map([['x-role', ['']]]) }),
      false,
    ],
    ['plaintext is nobody', { from: [{ source: { principals: ['*'] } }] }, plaintext, false],
    ['plaintext satisfies notPrincipals', { from: [{ source: { notPrincipals: ['*'] } }] }, plaintext, true],
    ['a namespace is a whole segment', { from: [{ source: { namespaces: ['sho'] } }] }, facts(), false],
    ['a dot in a service account is a dot', { from: [{ source: { serviceAccounts: ['w.b'] } }] }, facts(), false],
    ['a service account of the policy’s namespace', { from: [{ source: { serviceAccounts: ['web'] } }] }, facts(), true],
    ['of another', { from: [{ source: { serviceAccounts: ['other/web'] } }] }, facts(), false],
    ['trust domain', { from: [{ source: { trustDomains: ['cluster.*'] } }] }, facts(), true],
    ['a trust domain of ours is all of them', { from: [{ source: { trustDomains: ['old.td'] } }] }, facts(), true],
    ['another is itself', { from: [{ source: { notTrustDomains: ['new.td'] } }] }, facts(), true],
    ['any trust domain', { from: [{ source: { trustDomains: ['*'] } }] }, facts(), true],
    ['but nobody has none', { from: [{ source: { trustDomains: ['*'] } }] }, plaintext, false],
    ['a wildcard stays within the domain', { from: [{ source: { trustDomains: ['*web'] } }] }, facts(), false],
    ['ipBlocks are the peer', { from: [{ source: { ipBlocks: ['192.0.2.0/24'] } }] }, facts(), false],
    ['remoteIpBlocks the client', { from: [{ source: { remoteIpBlocks: ['192.0.2.0/24'] } }] }, facts(), true],
    ['IPv6 never matches IPv4', { from: [{ source: { ipBlocks: ['::/0'] } }] }, facts(), false],
    ['{*} is one segment', operation({ paths: ['/{*}/0'] }), facts(), true],
    ['and not two', operation({ paths: ['/{*}'] }), facts(), false],
    ['{**} is any', operation({ paths: ['/{**}'] }), facts(), true],
    ['claims: a list', when('request.auth.claims[groups]', ['b*']), facts({ claims: { groups: ['a', 'bc'] } }), true],
    ['claims: nested', when('request.auth.claims[a][b]', ['x']), facts({ claims: { a: { b: 'x' } } }), true],
    ['claims: no prototype', when('request.auth.claims[constructor]', ['*']), facts({ claims: {} }), false],
    ['audience', when('request.auth.audiences', ['shop']), facts({ claims: { aud: 'shop' } }), true],
    ['no token', when('request.auth.principal', ['*']), facts(), false],
    ['values and notValues both', { when: [{ key: 'destination.port', values: ['8080'], notValues: ['8080'] }] }, facts(), false],
  ];
  for (const [name, rule, of, expected] of rows) assert.equal(decide([{ rules: [rule] }], of).isAllowed, expected, name);
});

test('TCP: DENY of a method denies, ALLOW of one allows nothing', () => {
  const methods = { rules: [{ to: [{ operation: { methods: ['GET'] } }] }] };
  assert.equal(decide([{ action: 'DENY', ...methods }], connection).isAllowed, false);
  assert.equal(decide([methods], connection).isAllowed, false);
  assert.equal(decide([{ rules: [{ to: [{ operation: { ports: ['8080'] } }] }] }], connection).isAllowed, true);
  // CVE-2020-16844: a principal that begins with a star never matched on TCP, so its DENY denied nobody.
  const suffix = (principal: string) => ({ action: 'DENY', rules: [{ from: [{ source: { principals: [principal] } }] }] });
  assert.equal(decide([suffix('*/sa/web')], connection).isAllowed, false);
  assert.equal(decide([suffix('*/sa/somebody')], connection).isAllowed, true);
});

test('dry runs, audits and questions to a provider are reported and do not decide', () => {
  const decision = evaluateAuthorization(
    [
      policy({ action: 'DENY', rules: [{}] }, 'dry', { 'istio.io/dry-run': 'true' }),
      policy({ action: 'AUDIT', rules: [{}] }, 'audit'),
      policy({ action: 'CUSTOM', provider: { name: 'opa' }, rules: [{}] }, 'ask'),
    ],
    facts(),
    trustDomains,
  );
  assert.equal(decision.isAllowed, true);
  assert.deepEqual(
    [
      decision.dryRun.map((ref) => [ref.name, ref.action]),
      decision.audits.map((ref) => ref.name),
      decision.asks.map((ref) => ref.provider),
    ],
    [[['dry', 'DENY']], ['audit'], ['opa']],
  );
});

/** Few words, so that patterns and facts meet. */
const word = fc.constantFrom('a', 'b', 'ab', 'a.b');
const pattern = fc.oneof(
  word,
  word.map((text) => `${text}*`),
  word.map((text) => `*${text}`),
  fc.constant('*'),
);
const values = <T>(item: fc.Arbitrary<T>) => fc.array(item, { minLength: 1, maxLength: 2 });
const optional = (fields: Record<string, fc.Arbitrary<string>>) =>
  fc
    .record(
      Object.fromEntries(
        Object.entries(fields).flatMap(([name, item]) => [
          [name, values(item)],
          [`not${name[0]!.toUpperCase()}${name.slice(1)}`, values(item)],
        ]),
      ),
      { requiredKeys: [] },
    )
    .filter((object) => Object.keys(object).length > 0);
const block = fc.constantFrom('10.0.0.0/31', '10.0.0.1', '::/0', '0.0.0.0/0');
const identityPattern = fc.oneof(
  fc
    .tuple(fc.constantFrom('cluster.local', 'old.td', 'x', '*', '*td'), word, word)
    .map(([domain, namespace, account]) => `${domain}/ns/${namespace}/sa/${account}`),
  pattern,
);
const source = optional({
  principals: identityPattern,
  namespaces: pattern,
  trustDomains: fc.constantFrom('cluster.local', 'old.td', '*.td', 'x*', '*'),
  ipBlocks: block,
  remoteIpBlocks: block,
  requestPrincipals: fc.oneof(
    pattern,
    fc.tuple(pattern, pattern).map((halves) => halves.join('/')),
  ),
});
const accounts = optional({
  serviceAccounts: fc.oneof(
    word,
    word.map((name) => `a/${name}`),
  ),
});
const paths = fc.oneof(
  pattern.map((text) => `/${text}`),
  fc.constantFrom('/{*}', '/a/{**}', '/{*}/b', '/{**}/b'),
);
const operation = optional({ methods: pattern, hosts: fc.oneof(pattern, fc.constant('A')), paths, ports: fc.constantFrom('80', '81') });
const condition = fc.oneof(
  fc.record({
    key: fc.constantFrom(
      'request.headers[X-A]',
      'request.auth.claims[g]',
      'request.auth.claims[n][m]',
      'request.auth.audiences',
      'connection.sni',
      'source.namespace',
    ),
    values: values(pattern),
  }),
  fc.record({ key: fc.constantFrom('request.headers[x-a]', 'request.auth.claims[g]', 'source.principal'), notValues: values(pattern) }),
  fc.record({ key: fc.constantFrom('source.ip', 'destination.ip'), values: values(block) }),
);
const rule = fc.record(
  {
    from: fc.array(
      fc.oneof(source, accounts).map((inner) => ({ source: inner })),
      { minLength: 1, maxLength: 2 },
    ),
    to: fc.array(
      operation.map((inner) => ({ operation: inner })),
      { minLength: 1, maxLength: 2 },
    ),
    when: fc.array(condition, { maxLength: 2 }),
  },
  { requiredKeys: [] },
);
const spec = fc.record({
  action: fc.constantFrom('ALLOW', 'DENY'),
  rules: fc.array(fc.oneof({ weight: 9, arbitrary: rule }, fc.constant(null)), { maxLength: 3 }),
});
const address = fc.constantFrom('10.0.0.0', '10.0.0.1', '10.0.0.2', '2001:db8::1');
const claim = fc.oneof(word, fc.array(word, { maxLength: 2 }));
const anyFacts = fc
  .record({
    peer: fc.option(
      fc
        .tuple(fc.constantFrom('cluster.local', 'old.td', 'x'), word, word)
        .map(([domain, namespace, account]) => `spiffe://${domain}/ns/${namespace}/sa/${account}`),
      { nil: undefined },
    ),
    sourceIp: address,
    remoteIp: address,
    destinationIp: address,
    destinationPort: fc.constantFrom(80, 81),
    sni: fc.option(word, { nil: undefined }),
    http: fc.option(
      fc.record({
        method: word,
        authority: fc.oneof(word, fc.constant('A')),
        path: fc.constantFrom('/', '/a', '/ab', '/a/b', '/b/b', '/a/', '//b', '/a.b'),
        headers: fc
          .array(fc.oneof(word, fc.constant('')), { maxLength: 2 })
          .map((list) => new Map(list.length === 0 ? [] : [['x-a', list]])),
        claims: fc.option(fc.record({ iss: word, sub: word, g: claim, aud: claim, n: fc.record({ m: word }) }, { requiredKeys: [] }), {
          nil: undefined,
        }),
      }),
      { nil: undefined },
    ),
  })
  .map((object) => present({ ...object, http: object.http && present(object.http) }) as unknown as AuthzFacts);

function present(object: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}

test('the compiled Envoy rules and the evaluator give the same verdict, on HTTP and TCP', () => {
  let denied = 0;
  let runs = 0;
  fc.assert(
    fc.property(fc.array(spec, { maxLength: 3 }), anyFacts, (specs, of) => {
      const policies = specs.map((entry, index) => policy(entry, `p${index}`));
      const filters =
        of.http === undefined
          ? compileTcpAuthorization(policies, trustDomains).map(
              (filter) => anyUnpack(filter.configType.value as never, NetworkRbacSchema)!.rules!,
            )
          : compileHttpAuthorization(policies, trustDomains).map(
              (filter) => anyUnpack(filter.configType.value as never, HttpRbacSchema)!.rules!,
            );
      const isAllowed = filters.every((rbac) => (interpretRbac(rbac, of) !== undefined) === (rbac.action === RBAC_Action.ALLOW));
      assert.equal(evaluateAuthorization(policies, of, trustDomains).isAllowed, isAllowed);
      runs++;
      if (!isAllowed) denied++;
    }),
    { numRuns: 1000 },
  );
  assert.ok(denied > runs / 10 && denied < runs * 0.9, `${denied} of ${runs} denied: the property must see both verdicts`);
});

test('the order of policies never changes a verdict', () => {
  fc.assert(
    fc.property(fc.array(spec, { maxLength: 4 }), anyFacts, (specs, of) => {
      const policies = specs.map((entry, index) => policy(entry, `p${index}`));
      assert.equal(
        evaluateAuthorization(policies.toReversed(), of, trustDomains).isAllowed,
        evaluateAuthorization(policies, of, trustDomains).isAllowed,
      );
    }),
  );
});
