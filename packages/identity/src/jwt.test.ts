import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { createJwtVerifier, parseJwks } from './jwt.ts';

const now = new Date(1_700_000_000_000);
const seconds = now.getTime() / 1000;
const rsa = await generateKeyPair('RS256', { extractable: true });
const ec = await generateKeyPair('ES256', { extractable: true });
const rsaPublic: JWK = { ...(await exportJWK(rsa.publicKey)), kid: 'r' };
const ecPublic: JWK = await exportJWK(ec.publicKey);
const secret = new TextEncoder().encode('0123456789abcdef0123456789abcdef');
const verifier = createJwtVerifier({ issuer: 'https://issuer', audiences: ['shop', 'bank'], jwks: { keys: [rsaPublic, ecPublic] } });

const base = { iss: 'https://issuer', aud: ['x', 'shop'], exp: seconds + 10 };
const sign = (claims: object, alg = 'RS256', key: Parameters<SignJWT['sign']>[0] = rsa.privateKey, kid?: string) =>
  new SignJWT({ ...claims }).setProtectedHeader({ alg, ...(kid === undefined ? {} : { kid }) }).sign(key);

test('accepted', async () => {
  for (const token of [
    await sign(base),
    await sign(base, 'RS256', rsa.privateKey, 'r'),
    await sign({ ...base, aud: 'bank', sub: 'joe' }),
    await sign({ iss: base.iss, aud: 'shop' }),
    await sign({ ...base, exp: seconds - 59, nbf: seconds + 59 }),
    await sign(base, 'ES256', ec.privateKey, 'unnamed here'),
  ]) {
    const verdict = await verifier.verify(token, now);
    assert.ok(verdict.ok && verdict.claims['iss'] === 'https://issuer', JSON.stringify(verdict));
  }
});

test('refused, with the reason', async () => {
  const good = await sign(base);
  const [header, payload, signature] = good.split('.') as [string, string, string];
  const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${payload}.`;
  const rows: [string, string][] = [
    ['', 'malformed'],
    ['a.b.c', 'malformed'],
    [`${header}.${payload}`, 'malformed'],
    [`${good}.x`, 'malformed'],
    [none, 'malformed'],
    [`${header}.${Buffer.from('{"iss":"https://issuer","aud":"shop","admin":true}').toString('base64url')}.${signature}`, 'bad-signature'],
    [await sign({ ...base, iss: 'https://issuer/' }), 'wrong-issuer'],
    [await sign({ ...base, iss: undefined }), 'wrong-issuer'],
    [await sign({ ...base, aud: 'Shop' }), 'wrong-audience'],
    [await sign({ iss: base.iss }), 'wrong-audience'],
    [await sign({ ...base, exp: seconds - 61 }), 'expired'],
    [await sign({ ...base, nbf: seconds + 61 }), 'not-yet-valid'],
    [await sign({ ...base, exp: '9999999999' as never }).catch(() => sign({ ...base, iat: 'x' as never }).catch(() => 'x')), 'malformed'],
    [await sign(base, 'RS256', rsa.privateKey, 'other'), 'no-matching-key'],
    [await sign(base, 'RS256', (await generateKeyPair('RS256')).privateKey), 'bad-signature'],
    // A public key is no HMAC secret.
    [await sign(base, 'HS256', new TextEncoder().encode(JSON.stringify(rsaPublic).padEnd(64))), 'no-matching-key'],
  ];
  for (const [token, code] of rows) {
    const verdict = await verifier.verify(token, now);
    assert.equal(verdict.ok || verdict.code, code, token.slice(0, 60));
  }
});

test('no audiences configured means every audience; shared secrets work', async () => {
  const jwks = { keys: [{ kty: 'oct', k: Buffer.from(secret).toString('base64url') }] };
  const open = createJwtVerifier({ issuer: 'https://issuer', audiences: [], jwks });
  assert.ok((await open.verify(await sign({ iss: base.iss }, 'HS256', secret), now)).ok);
});

test('no text makes the verifier throw', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        fc.string(),
        fc
          .array(fc.string(), { minLength: 3, maxLength: 3 })
          .map((parts) => parts.map((part) => Buffer.from(part).toString('base64url')).join('.')),
      ),
      async (token) => {
        assert.equal((await verifier.verify(token, now)).ok, false);
      },
    ),
  );
});

test('key sets: unusable ones are refused whole', async () => {
  assert.equal((await parseJwks(JSON.stringify({ keys: [rsaPublic, { kty: 'RSA' }] }))).keys.length, 1);
  for (const text of ['', '{}', '[]', '{"keys":[]}', '{"keys":[{"kty":"RSA"}]}', '<html>']) {
    await assert.rejects(parseJwks(text), { code: 'bad-jwks' }, text);
  }
});
