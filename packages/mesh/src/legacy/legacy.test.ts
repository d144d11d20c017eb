import assert from 'node:assert/strict';
import { test } from 'node:test';
import { evaluateAuthorization } from '../authz/evaluate.ts';
import type { AuthzFacts } from '../authz/match.ts';
import { MeshError } from '../mesh-error.ts';
import { parseLegacyAuthnPolicy, resolveLegacyAuthn } from './authn.ts';
import { combineGenerations, type LegacyRbac, translateLegacyRbac } from './rbac.ts';
import { parseRbacConfig, parseServiceRole, parseServiceRoleBinding } from './rbac-resources.ts';

const object = (kind: string, name: string, spec: unknown, namespace = 'default') => ({
  apiVersion: 'rbac.istio.io/v1alpha1',
  kind,
  metadata: { name, namespace },
  spec,
});
const config = (spec: object, kind = 'ClusterRbacConfig') => parseRbacConfig(object(kind, 'default', spec));
const role = (name: string, rule: object, namespace?: string) =>
  parseServiceRole(object('ServiceRole', name, { rules: [rule] }, namespace));
const binding = (name: string, ...subjects: object[]) =>
  parseServiceRoleBinding(object('ServiceRoleBinding', `b-${name}`, { subjects, roleRef: { kind: 'ServiceRole', name } }));
const trustDomains = { local: 'cluster.local', aliases: [] };
const workload = (name: string, labels = {}) => ({
  namespace: 'default',
  labels,
  serviceAccount: name,
  trustDomain: 'cluster.local',
  services: [`${name}.default.svc.cluster.local`],
});
const as = (account: string | undefined, http: object = {}): AuthzFacts => ({
  ...(account === undefined ? {} : { peer: `spiffe://cluster.local/ns/default/sa/${account}` }),
  sourceIp: '10.0.0.1',
  remoteIp: '10.0.0.1',
  destinationIp: '10.0.0.2',
  destinationPort: 8080,
  http: { method: 'GET', authority: 'db:8080', path: '/', headers: new Map(), ...http },
});
const isAllowed = (rbac: LegacyRbac, name: string, facts: AuthzFacts) =>
  evaluateAuthorization(translateLegacyRbac(rbac, workload(name)), facts, trustDomains).isAllowed;

test('seed 000: www reaches db and auth, auth does not reach db, only the gateway reaches www', () => {
  const rbac = {
    configs: [config({ mode: 'ON_WITH_INCLUSION', inclusion: { namespaces: ['default'] } })],
    roles: [
      role('www-access', {
        services: ['db.default.svc.cluster.local', 'auth.default.svc.cluster.local'],
        methods: ['GET', 'POST'],
        paths: ['*'],
      }),
      role('pub-access', { services: ['www.default.svc.cluster.local'], methods: ['GET', 'POST'], paths: ['*'] }),
    ],
    bindings: [
      binding('www-access', { user: 'cluster.local/ns/default/sa/www' }),
      binding('pub-access', { user: 'cluster.local/ns/istio-system/sa/gateway' }),
    ],
  };
  assert.deepEqual(
    [
      isAllowed(rbac, 'db', as('www')),
      isAllowed(rbac, 'auth', as('www')),
      isAllowed(rbac, 'db', as('auth')),
      isAllowed(rbac, 'db', as(undefined)),
      isAllowed(rbac, 'www', as('www')),
    ],
    [true, true, false, false, false],
  );
  assert.equal(isAllowed(rbac, 'db', as('www', { method: 'DELETE' })), false);
  assert.equal(isAllowed({ ...rbac, bindings: [] }, 'db', as('www')), false, 'without its binding the same check fails');
});

test('seed 003: readers of products by header, bound by source.principal', () => {
  const rbac = (principal: string) => ({
    configs: [config({ mode: 'ON_WITH_INCLUSION', inclusion: { namespaces: ['default'] } }, 'RbacConfig')],
    roles: [
      role('viewer', {
        services: ['products.default.svc.cluster.local'],
        methods: ['GET', 'HEAD'],
        constraints: [{ key: 'request.headers[version]', values: ['v1', 'v2'] }],
      }),
    ],
    bindings: [binding('viewer', { properties: { 'source.principal': principal } })],
  });
  const v1 = { headers: new Map([['version', ['v1']]]) };
  assert.equal(isAllowed(rbac('*'), 'products', as('any', v1)), true);
  assert.equal(isAllowed(rbac('*'), 'products', as(undefined, v1)), false, '"*" of source.principal is any authenticated peer');
  assert.equal(isAllowed(rbac('*'), 'products', as('any')), false);
  assert.equal(isAllowed(rbac('*'), 'products', as('any', { headers: new Map([['version', ['v3']]]) })), false);
  assert.throws(() => rbac('**'), /matches nobody: write "\*"/);
});

test('modes, exact names, cluster-wide before namespaced, permissive', () => {
  const bare = { roles: [], bindings: [] };
  const rows: [Parameters<typeof config>[], boolean][] = [
    [[], true],
    [[[{}]], true],
    [[[{ mode: 'OFF' }]], true],
    [[[{ mode: 'ON' }]], false],
    [[[{ mode: 'ON_WITH_INCLUSION', inclusion: { services: ['db.default.svc.cluster.local'] } }]], false],
    [[[{ mode: 'ON_WITH_INCLUSION', inclusion: { services: ['*.default.svc.cluster.local'] } }]], true],
    [[[{ mode: 'ON_WITH_EXCLUSION', exclusion: { namespaces: ['default'] } }]], true],
    [[[{ mode: 'ON_WITH_EXCLUSION', exclusion: { namespaces: ['other'] } }]], false],
    [[[{ mode: 'ON' }, 'RbacConfig'], [{ mode: 'OFF' }]], true],
    [[[{ mode: 'ON', enforcementMode: 'PERMISSIVE' }]], true],
  ];
  for (const [configs, expected] of rows) {
    assert.equal(
      isAllowed({ ...bare, configs: configs.map((parameters) => config(...parameters)) }, 'db', as('www')),
      expected,
      JSON.stringify(configs),
    );
  }
});

test('services by pattern, roles of the workload’s namespace, destination constraints, subjects', () => {
  const granted = (rule: object, subject: object, namespace?: string) => {
    const rbac = {
      configs: [config({ mode: 'ON' })],
      roles: [role('r', { services: ['*'], ...rule }, namespace)],
      bindings: [binding('r', subject)],
    };
    const policies = translateLegacyRbac(rbac, workload('db', { version: 'v1' }));
    return [as('www', { claims: { groups: ['admins'] } }), as(undefined)].map(
      (facts) => evaluateAuthorization(policies, facts, trustDomains).isAllowed,
    );
  };
  const anyone = { user: '*' };
  const [none, all, peers] = [
    [false, false],
    [true, true],
    [true, false],
  ];
  assert.deepEqual(granted({}, anyone), all);
  assert.deepEqual(granted({}, anyone, 'other'), none);
  assert.deepEqual(granted({ services: ['db*'] }, anyone), all);
  assert.deepEqual(granted({ services: ['*.default.svc.cluster.local'] }, anyone), all);
  assert.deepEqual(granted({ services: ['db'] }, anyone), none);
  assert.deepEqual(granted({ services: ['**'] }, anyone), none);
  assert.deepEqual(granted({ constraints: [{ key: 'destination.labels[version]', values: ['v1'] }] }, anyone), all);
  assert.deepEqual(granted({ constraints: [{ key: 'destination.labels[version]', values: ['v2'] }] }, anyone), none);
  assert.deepEqual(granted({ constraints: [{ key: 'destination.user', values: ['db'] }] }, anyone), all);
  const twice = [
    { key: 'destination.namespace', values: ['x'] },
    { key: 'destination.namespace', values: ['default'] },
  ];
  assert.deepEqual(granted({ constraints: twice }, anyone), all, 'a repeated key overwrites');
  assert.deepEqual(granted({}, { user: 'cluster.local/ns/default/sa/www' }), peers);
  assert.deepEqual(granted({}, { group: 'admins' }), peers);
  assert.deepEqual(granted({}, {}), none);
});

test('today’s policy on a workload switches the old ones off and says so', () => {
  const legacy = translateLegacyRbac({ configs: [config({ mode: 'ON' })], roles: [], bindings: [] }, workload('db'));
  const today = [{ ...legacy[0]!, name: 'new' }];
  assert.deepEqual(combineGenerations(today, legacy).policies, today);
  assert.match(combineGenerations(today, legacy).warning!, /AuthorizationPolicy default\/new applies/);
  assert.deepEqual(combineGenerations([], legacy), { policies: legacy });
});

test('refused resources', () => {
  const refuses = (parse: () => unknown, field: string) =>
    assert.throws(parse, (error) => error instanceof MeshError && error.field === field, field);
  refuses(() => config({ mode: 'ON_WITH_EXCLUSION' }), 'spec.exclusion');
  refuses(() => config({ mode: 'on' }), 'spec.mode');
  refuses(() => parseRbacConfig(object('RbacConfig', 'other', {})), 'metadata.name');
  refuses(() => parseServiceRole(object('ServiceRole', 'r', { rules: null })), 'spec.rules');
  refuses(() => role('r', {}), 'spec.rules[0].services');
  refuses(() => role('r', { services: ['*'], constraints: [{ key: 'version', values: ['v1'] }] }), 'spec.rules[0].constraints[0].key');
  refuses(() => role('r', { services: ['*'], constraints: [{ key: 'source.ip', values: ['x'] }] }), 'spec.rules[0].constraints[0].key');
  refuses(() => parseServiceRoleBinding(object('ServiceRoleBinding', 'b', { subjects: null, roleRef: { name: 'r' } })), 'spec.subjects');
  refuses(() => parseServiceRoleBinding(object('ServiceRoleBinding', 'b', { subjects: [{}] })), 'spec.roleRef');
  refuses(() => binding('r', { properties: { service: 'reviews' } }), 'spec.subjects[0].properties[service]');
});

test('authentication: target and port before target before namespace before mesh, each whole', () => {
  const policy = (name: string, spec: object, kind = 'Policy') =>
    parseLegacyAuthnPolicy({ apiVersion: 'authentication.istio.io/v1alpha1', kind, metadata: { name, namespace: 'default' }, spec });
  const port = (service: string, number: number, targetPort: number, portName = 'http') => ({
    service,
    port: number,
    portName,
    targetPort,
  });
  const ports = [port('db', 80, 8080), port('db', 81, 8081, 'admin'), port('web', 80, 9090)];
  const mesh = policy('default', { peers: [{ mtls: { mode: 'PERMISSIVE' } }] }, 'MeshPolicy');
  const strict = policy('default', { peers: [{ mtls: {} }] });
  const target = policy('db', { targets: [{ name: 'db' }] });
  const targetPort = policy('admin', { targets: [{ name: 'db', ports: [{ name: 'admin' }] }], peers: [{ mtls: null }] });
  const resolve = (...policies: ReturnType<typeof policy>[]) => {
    const { mode, ports: differing } = resolveLegacyAuthn(policies, 'default', ports).mtls;
    return [mode, Object.fromEntries(differing)];
  };
  assert.deepEqual(resolve(), ['DISABLE', {}]);
  assert.deepEqual(resolve(mesh), ['PERMISSIVE', {}]);
  assert.deepEqual(resolve(mesh, strict), ['STRICT', {}]);
  assert.deepEqual(resolve(mesh, strict, target), ['STRICT', { 8080: 'DISABLE', 8081: 'DISABLE' }]);
  assert.deepEqual(resolve(mesh, target, targetPort), ['PERMISSIVE', { 8080: 'DISABLE', 8081: 'STRICT' }]);
  assert.deepEqual(resolveLegacyAuthn([strict], 'default', ports).mtls.decidedBy, ['Policy default/default']);
  for (const [name, spec, kind] of [
    ['x', {}, 'Policy'],
    ['boo', { peers: [{ mtls: {} }] }, 'MeshPolicy'],
    ['x', { targets: [{ name: 'a.b' }] }, 'Policy'],
    ['default', { origins: [{}] }, 'Policy'],
    ['default', { peerIsOptional: true }, 'Policy'],
    ['default', { peers: [{ jwt: {} }] }, 'Policy'],
    ['default', { peers: [{ mtls: {} }, { mtls: { mode: 'PERMISSIVE' } }] }, 'Policy'],
  ] as const) {
    assert.throws(() => policy(name, spec, kind), MeshError, name);
  }
});
