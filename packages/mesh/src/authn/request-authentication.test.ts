import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { toJson } from '@bufbuild/protobuf';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import { JwtAuthenticationSchema } from '@palisade/xds/api/envoy/extensions/filters/http/jwt_authn/v3/config';
import { MeshError } from '../mesh-error.ts';
import { parseRequestAuthentication } from '../resources/request-authentication.ts';
import { compileTokens, type FindJwks, nobodysKeys, planTokens } from './request-authentication.ts';

const parse = (rules: unknown[]) =>
  parseRequestAuthentication({
    apiVersion: 'security.istio.io/v1',
    kind: 'RequestAuthentication',
    metadata: { name: 'n', namespace: 's' },
    spec: { jwtRules: rules },
  });
// biome-ignore lint/suspicious/noExplicitAny: protobuf JSON, read by tests only
const compile = (rules: unknown[], find: FindJwks = () => undefined): any => {
  const filter = compileTokens(planTokens([parse(rules)]).general, find);
  return filter && toJson(JwtAuthenticationSchema, anyUnpack(filter.configType.value as never, JwtAuthenticationSchema)!);
};
const keys = '{"keys":[{"kty":"oct","k":"AA"}]}';

test('one issuer: its token or none', () => {
  const config = compile([
    {
      issuer: 'i',
      jwks: keys,
      audiences: ['a'],
      forwardOriginalToken: true,
      fromHeaders: [{ name: 'x-token', prefix: 'T ' }],
      outputClaimToHeaders: [{ header: 'x-sub', claim: 'sub' }],
    },
  ]);
  assert.deepEqual(config.rules, [
    { match: { prefix: '/' }, requires: { requiresAny: { requirements: [{ providerName: 'origins-0' }, { allowMissing: {} }] } } },
  ]);
  assert.deepEqual(config.providers['origins-0'], {
    issuer: 'i',
    audiences: ['a'],
    localJwks: { inlineString: keys },
    forward: true,
    fromHeaders: [{ name: 'x-token', valuePrefix: 'T ' }],
    payloadInMetadata: 'payload',
    normalizePayloadInMetadata: { spaceDelimitedClaims: ['scope', 'permission'] },
    claimToHeaders: [{ headerName: 'x-sub', claimName: 'sub' }],
  });
  assert.equal(config.bypassCorsPreflight, true);
  assert.equal(compile([]), undefined);
});

test('two issuers: one of them suffices, a bad token of either does not', () => {
  const { requiresAny } = compile([
    { issuer: 'i', jwks: keys },
    { issuer: 'j', jwks: keys },
  ]).rules[0].requires;
  const goodOrMissing = (name: string) => ({ requiresAny: { requirements: [{ providerName: name }, { allowMissing: {} }] } });
  assert.deepEqual(requiresAny.requirements, [
    { providerName: 'origins-0' },
    { providerName: 'origins-1' },
    { requiresAll: { requirements: [goodOrMissing('origins-0'), goodOrMissing('origins-1')] } },
  ]);
});

test('keys that could not be had are nobody’s: fail closed', () => {
  const rule = { issuer: 'i', jwksUri: 'https://i.test/keys' };
  assert.equal(compile([rule]).providers['origins-0'].localJwks.inlineString, nobodysKeys);
  assert.equal(compile([{ issuer: 'i' }]).providers['origins-0'].localJwks.inlineString, nobodysKeys);
  assert.equal(
    compile([rule], (uri) => (uri === 'https://i.test/keys' ? keys : undefined)).providers['origins-0'].localJwks.inlineString,
    keys,
  );
});

test('nobody’s key is derived from a text, so that its private half is unknown', () => {
  const [key] = JSON.parse(nobodysKeys).keys;
  const number = (text: string) => BigInt(`0x${Buffer.from(text, 'base64url').toString('hex')}`);
  const [x, y] = [number(key.x), number(key.y)];
  assert.equal(x.toString(16), createHash('sha256').update('palisade: a key that nobody holds 0').digest('hex'));
  // P-256: y² = x³ − 3x + b (FIPS 186-4 D.1.2.3).
  const p = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;
  const b = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;
  assert.equal((y * y) % p, (x ** 3n - 3n * x + b) % p);
});

test('refused rules', () => {
  const rows: [object, string][] = [
    [{}, 'issuer'],
    [{ issuer: 'i', jwks: keys, jwksUri: 'https://a' }, 'jwks'],
    [{ issuer: 'i', jwksUri: 'file:///etc/passwd' }, 'jwksUri'],
    [{ issuer: 'i', jwks: '{}' }, 'jwks'],
    [{ issuer: 'i', jwks: 'x' }, 'jwks'],
    [{ issuer: 'i', fromHeaders: [{ name: 'a b' }] }, 'fromHeaders[0].name'],
    [{ issuer: 'i', outputPayloadToHeader: 'a:b' }, 'outputPayloadToHeader'],
    [{ issuer: 'i', outputClaimToHeaders: [{ header: 'a!b', claim: 'c' }] }, 'outputClaimToHeaders[0].header'],
    [{ issuer: 'i', timeout: '5s' }, 'timeout'],
  ];
  for (const [rule, field] of rows) {
    assert.throws(
      () => parse([rule]),
      (error) => error instanceof MeshError && error.field === `spec.jwtRules[0].${field}`,
      JSON.stringify(rule),
    );
  }
});
