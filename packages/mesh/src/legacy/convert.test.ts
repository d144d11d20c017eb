import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { evaluateAuthorization } from '../authz/evaluate.ts';
import type { AuthzFacts } from '../authz/match.ts';
import { selectAuthorizationPolicies } from '../authz/select.ts';
import { parseAuthorizationPolicy } from '../resources/authorization-policy.ts';
import { type ConvertibleService, convertLegacyRbac } from './convert.ts';
import { type LegacyRbac, translateLegacyRbac } from './rbac.ts';
import { parseRbacConfig, parseServiceRole, parseServiceRoleBinding } from './rbac-resources.ts';

const object = (kind: string, name: string, spec: unknown, namespace = 'shop') => ({
  apiVersion: 'rbac.istio.io/v1alpha1',
  kind,
  metadata: { name, namespace },
  spec,
});
const services: ConvertibleService[] = ['db', 'web'].map((name) => ({
  namespace: 'shop',
  name,
  hostname: `${name}.shop.svc.cluster.local`,
  selector: { app: name },
}));
const options = { rootNamespace: 'istio-system', style: 'strict', isConfigOptional: false } as const;
const trustDomains = { local: 'cluster.local', aliases: [] };

const list = (...values: string[]) => fc.uniqueArray(fc.constantFrom(...values), { minLength: 1, maxLength: 2 });
const optionally = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const account = fc.constantFrom('cluster.local/ns/shop/sa/web', '*sa/web', 'cluster.local/*', '*');
const constraint = fc.oneof(
  fc.record({ key: fc.constant('destination.labels[version]'), values: list('v1', 'v2') }),
  fc.record({ key: fc.constant('destination.port'), values: list('80', '81') }),
  fc.record({ key: fc.constant('request.headers[x]'), values: list('a', '*') }),
);
const rule = fc.record({
  services: list('*', 'db.shop.svc.cluster.local', 'web.*', '*.shop.svc.cluster.local'),
  methods: optionally(list('GET', 'P*', '*')),
  paths: optionally(list('/a', '/b/*', '*')),
  constraints: optionally(fc.uniqueArray(constraint, { maxLength: 2, selector: ({ key }) => key })),
});
const properties = fc.record(
  {
    'source.principal': account,
    'source.ip': fc.constantFrom('10.0.0.1', '10.0.0.0/31'),
    'source.namespace': fc.constantFrom('shop', 'other', '*'),
    'request.auth.claims[g]': fc.constantFrom('a', '*'),
  },
  { requiredKeys: [], noNullPrototype: true },
);
const subject = fc.record({
  user: optionally(account),
  group: optionally(fc.constantFrom('admins', '*')),
  properties: optionally(properties),
});
const config = fc.oneof(
  fc.constantFrom(
    { mode: 'ON' },
    { mode: 'ON_WITH_INCLUSION', inclusion: { namespaces: ['shop'] } },
    { mode: 'ON_WITH_EXCLUSION', exclusion: { namespaces: ['other'] } },
  ),
  fc.constantFrom({ mode: 'ON_WITH_INCLUSION', inclusion: { services: ['db.shop.svc.cluster.local'] } }),
);
const rbacs = fc
  .record({ config, rules: fc.array(rule, { minLength: 1, maxLength: 2 }), subjects: fc.array(subject, { minLength: 1, maxLength: 2 }) })
  .map(
    (parts): LegacyRbac => ({
      configs: [parseRbacConfig(object('ClusterRbacConfig', 'default', parts.config))],
      roles: [parseServiceRole(object('ServiceRole', 'r', { rules: parts.rules }))],
      bindings: [parseServiceRoleBinding(object('ServiceRoleBinding', 'b', { subjects: parts.subjects, roleRef: { name: 'r' } }))],
    }),
  );
const facts = fc
  .record({
    peer: fc.constantFrom(undefined, 'web', 'db'),
    port: fc.constantFrom(80, 81),
    sourceIp: fc.constantFrom('10.0.0.1', '10.0.0.2'),
    method: fc.constantFrom('GET', 'POST'),
    path: fc.constantFrom('/a', '/b/c', '/c'),
    header: fc.constantFrom(undefined, 'a', 'b'),
    claims: fc.constantFrom(undefined, { g: ['a'], groups: ['admins'] }, { groups: ['x'] }),
  })
  .map(
    (choice): AuthzFacts => ({
      ...(choice.peer === undefined ? {} : { peer: `spiffe://cluster.local/ns/shop/sa/${choice.peer}` }),
      sourceIp: choice.sourceIp,
      remoteIp: choice.sourceIp,
      destinationIp: '10.0.0.9',
      destinationPort: choice.port,
      http: {
        method: choice.method,
        path: choice.path,
        authority: 'x',
        headers: new Map(choice.header === undefined ? [] : [['x', [choice.header]]]),
        ...(choice.claims === undefined ? {} : { claims: choice.claims }),
      },
    }),
  );

test('the strict conversion keeps every verdict', () => {
  let allowed = 0;
  fc.assert(
    fc.property(rbacs, facts, fc.constantFrom('db', 'web'), fc.constantFrom('v1', 'v2'), (rbac, of, app, version) => {
      const labels = { app, version };
      const converted = convertLegacyRbac(rbac, services, options);
      assert.deepEqual(converted.problems, []);
      const today = selectAuthorizationPolicies(
        converted.policies.map((policy) =>
          parseAuthorizationPolicy({ ...policy, metadata: { ...policy.metadata, annotations: { ...policy.metadata.annotations } } }),
        ),
        { namespace: 'shop', labels },
        'istio-system',
      );
      const workload = {
        namespace: 'shop',
        labels,
        serviceAccount: app,
        trustDomain: 'cluster.local',
        services: [`${app}.shop.svc.cluster.local`],
      };
      const isAllowed = evaluateAuthorization(translateLegacyRbac(rbac, workload), of, trustDomains).isAllowed;
      if (isAllowed) allowed++;
      assert.equal(evaluateAuthorization(today, of, trustDomains).isAllowed, isAllowed);
    }),
    { numRuns: 1000 },
  );
  assert.ok(allowed > 100 && allowed < 900, `${allowed} of 1000 allowed: the property must see both verdicts`);
});

test('what cannot be converted is said', () => {
  const convert = (rule: object, config = { mode: 'ON' }) =>
    convertLegacyRbac(
      {
        configs: [parseRbacConfig(object('ClusterRbacConfig', 'default', config))],
        roles: [parseServiceRole(object('ServiceRole', 'r', { rules: [{ services: ['*'], ...rule }] }))],
        bindings: [],
      },
      services,
      options,
    ).problems;
  assert.deepEqual(convert({}), []);
  assert.match(
    convert({ constraints: [{ key: 'destination.user', values: ['a'] }] })[0]!,
    /rule 0: constraint "destination.user" has no counterpart/,
  );
  assert.match(convert({ services: ['x'] })[0]!, /no service fits "x"/);
  assert.match(convert({ constraints: [{ key: 'destination.labels[v]', values: ['a*'] }] })[0]!, /is a pattern/);
  assert.match(
    convert({}, { mode: 'ON_WITH_INCLUSION', inclusion: { services: ['x'] } } as never)[0]!,
    /service "x" of the RbacConfig does not exist/,
  );
  assert.match(convertLegacyRbac({ configs: [], roles: [], bindings: [] }, services, options).problems[0]!, /no ClusterRbacConfig/);
});
