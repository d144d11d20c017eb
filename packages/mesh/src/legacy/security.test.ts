import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toJson } from '@bufbuild/protobuf';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import { JwtAuthenticationSchema } from '@palisade/xds/api/envoy/extensions/filters/http/jwt_authn/v3/config';
import { compileTokens } from '../authn/request-authentication.ts';
import type { MeshError } from '../mesh-error.ts';
import { parseAuthorizationPolicy } from '../resources/authorization-policy.ts';
import { parsePeerAuthentication } from '../resources/peer-authentication.ts';
import { parseRequestAuthentication } from '../resources/request-authentication.ts';
import { denyingLegacyPolicy, parseLegacyAuthnPolicy } from './authn.ts';
import { parseRbacConfig } from './rbac-resources.ts';
import { advertisedMode, noLegacy, resolveSecurity, type SecurityResources } from './security.ts';

const object = (kind: string, name: string, spec: object, namespace = 'shop') => ({
  apiVersion: 'test/v1',
  kind,
  metadata: { name, namespace },
  spec,
});
const policy = (spec: object, name = 'default') => parseLegacyAuthnPolicy(object('Policy', name, spec));
const port = { service: 'db', hostname: 'db.shop.svc.cluster.local', port: 80, portName: 'http', targetPort: 8080 };
const workload = { namespace: 'shop', labels: {}, serviceAccount: 'db', ports: [port] };
const scope = { rootNamespace: 'istio-system', trustDomain: 'cluster.local', profile: 'current' as const };
const nothing: SecurityResources = { authorizationPolicies: [], peerAuthentications: [], requestAuthentications: [], legacy: noLegacy };
const peer = parsePeerAuthentication(object('PeerAuthentication', 'p', { mtls: { mode: 'PERMISSIVE' } }));
const request = parseRequestAuthentication(object('RequestAuthentication', 'r', { jwtRules: [{ issuer: 'new' }] }));
const today = parseAuthorizationPolicy(object('AuthorizationPolicy', 'a', { rules: [{}] }));
const legacy = {
  authentication: [policy({ peers: [{ mtls: {} }], origins: [{ jwt: { issuer: 'old' } }] })],
  rbac: { configs: [parseRbacConfig(object('ClusterRbacConfig', 'default', { mode: 'ON' }))], roles: [], bindings: [] },
};

test('without today’s kinds the old ones decide; each of today’s switches its own concern over, and says so', () => {
  const issuersOf = (security: ReturnType<typeof resolveSecurity>) =>
    (security.tokens.ports.get(8080) ?? security.tokens.general).rules.map(({ issuer }) => issuer);
  const rows: [string, Partial<SecurityResources>, string, string[], string[], number][] = [
    ['nothing', { legacy: noLegacy }, 'PERMISSIVE', [], [], 0],
    ['old alone', {}, 'STRICT', ['old'], ['rbac-without-roles'], 0],
    ['PeerAuthentication', { peerAuthentications: [peer] }, 'PERMISSIVE', ['old'], ['rbac-without-roles'], 1],
    ['RequestAuthentication', { requestAuthentications: [request] }, 'STRICT', ['new'], ['rbac-without-roles'], 1],
    ['AuthorizationPolicy', { authorizationPolicies: [today] }, 'STRICT', ['old'], ['a'], 1],
    [
      'all',
      { peerAuthentications: [peer], requestAuthentications: [request], authorizationPolicies: [today] },
      'PERMISSIVE',
      ['new'],
      ['a'],
      3,
    ],
  ];
  for (const [name, changes, mode, issuers, policies, warnings] of rows) {
    const security = resolveSecurity({ ...nothing, legacy, ...changes }, workload, scope);
    assert.deepEqual(
      [security.mtls.mode, issuersOf(security), security.authorization.map((each) => each.name), security.warnings.length],
      [mode, issuers, policies, warnings],
      name,
    );
  }
  const { warnings } = resolveSecurity({ ...nothing, legacy, peerAuthentications: [peer] }, workload, scope);
  assert.deepEqual(warnings, ['peers of Policy shop/default are ignored here: PeerAuthentication shop/p applies to the same workload']);
});

test('the legacy profile: nobody speaks, no mTLS', () => {
  assert.equal(resolveSecurity(nothing, workload, { ...scope, profile: 'legacy' }).mtls.mode, 'DISABLE');
});

test('clients reckon with the old policy of the port, unless today’s speaks for the namespace', () => {
  const plain = {
    ...nothing,
    legacy: { ...noLegacy, authentication: [policy({ targets: [{ name: 'db', ports: [{ number: 80 }] }] }, 'x')] },
  };
  const mode = (resources: SecurityResources, number: number) =>
    advertisedMode(resources, { namespace: 'shop', name: 'db' }, { port: number, name: '' }, 'istio-system');
  assert.deepEqual(
    [mode(plain, 80), mode(plain, 81), mode({ ...plain, peerAuthentications: [peer] }, 80)],
    ['DISABLE', 'PERMISSIVE', 'PERMISSIVE'],
  );
});

test('a stored policy that cannot be read asks for mTLS and a token nobody has', () => {
  const { mode, tokens } = denyingLegacyPolicy(object('Policy', 'x', { peers: 7 }));
  assert.deepEqual([mode, tokens.isRequired, tokens.rules.length], ['STRICT', true, 1]);
});

// biome-ignore lint/suspicious/noExplicitAny: protobuf JSON, read by tests only
const filter = (spec: object): any => {
  const compiled = compileTokens(policy(spec).tokens, () => undefined);
  return toJson(JwtAuthenticationSchema, anyUnpack(compiled!.configType.value as never, JwtAuthenticationSchema)!);
};
const jwt = (triggerRules?: object[], issuer = 'i') => ({
  jwt: { issuer, jwksUri: 'https://i.test/keys', ...(triggerRules && { triggerRules }) },
});

test('origins: a token of any of them is compulsory, unless optional; on the paths of the triggers', () => {
  const one = { providerName: 'origins-0' };
  assert.deepEqual(filter({ origins: [jwt()] }).rules, [{ match: { prefix: '/' }, requires: one }]);
  assert.deepEqual(filter({ origins: [jwt(), jwt(undefined, 'j')] }).rules[0].requires, {
    requiresAny: { requirements: [one, { providerName: 'origins-1' }] },
  });
  assert.deepEqual(filter({ origins: [jwt()], originIsOptional: true }).rules[0].requires, {
    requiresAny: { requirements: [one, { allowMissing: {} }] },
  });
  assert.deepEqual(
    filter({ origins: [jwt([{ excludedPaths: [{ exact: '/health' }, { suffix: '.css' }], includedPaths: [{ prefix: '/' }] }])] }).rules,
    [{ match: { path: '/health' } }, { match: { safeRegex: { regex: '.*\\.css' } } }, { match: { prefix: '/' }, requires: one }],
  );
  assert.deepEqual(filter({ origins: [jwt([{ includedPaths: [{ regex: '/a/\\d+' }] }, { includedPaths: [{ exact: '/b' }] }])] }).rules, [
    { match: { safeRegex: { regex: '/a/\\d+' } }, requires: one },
    { match: { path: '/b' }, requires: one },
  ]);
  const field = (origins: object[]) => {
    try {
      policy({ origins });
    } catch (error) {
      return (error as MeshError).field;
    }
    return 'accepted';
  };
  const excluding = { excludedPaths: [{ exact: '/a' }] };
  assert.equal(field([jwt([excluding, {}])]), 'spec.origins[0].jwt.triggerRules');
  assert.equal(field([jwt([excluding]), jwt()]), 'spec.origins[1].jwt.triggerRules');
  assert.equal(field([jwt([{ includedPaths: [{ regex: '(?=a)' }] }])]), 'spec.origins[0].jwt.triggerRules[0].includedPaths[0].regex');
  assert.equal(field([jwt([{ includedPaths: [{ exact: '/a', prefix: '/' }] }])]), 'spec.origins[0].jwt.triggerRules[0].includedPaths[0]');
  assert.equal(field([{ jwt: {} }]), 'spec.origins[0].jwt.issuer');
});
