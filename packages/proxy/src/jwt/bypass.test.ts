/** Roads around a required token: spellings of the path (CVE-2020-8595), unknown issuers (CVE-2021-21378), keys nobody can use (CVE-2026-31837). */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { after, before, test } from 'node:test';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { parseBootstrap, staticResources } from '../config/bootstrap.ts';
import { DataPlane } from '../proxy.ts';
import { startEnvoy, withoutEnvoy } from '../testing/envoy.ts';
import { plainHop } from '../testing/mesh-bootstrap.ts';

let application: Server;
const planes: DataPlane[] = [];

before(async () => {
  application = createServer((request, response) => response.end(request.url)).listen(0, '127.0.0.1');
  await once(application, 'listening');
});
after(() => {
  for (const plane of planes) plane.close();
  application.closeAllConnections();
  application.close();
});

const configOf =
  (jwks: string, requirement: object = { requires: { provider_name: 'p' } }) =>
  (listenPort: number, adminPort: number) => {
    const jwt = {
      name: 'jwt',
      typed_config: {
        '@type': 'type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication',
        providers: { p: { issuer: 'me', audiences: ['shop'], local_jwks: { inline_string: jwks } } },
        rules: [{ match: { path: '/secure' }, ...requirement }],
      },
    };
    const upstreamPort = (application.address() as AddressInfo).port;
    return plainHop({ listenPort, adminPort, upstreamPort, logPath: '', statPrefix: 'in' }, [jwt]);
  };

async function start(jwks: string, requirement?: object): Promise<number> {
  const plane = new DataPlane();
  planes.push(plane);
  await plane.apply(staticResources(parseBootstrap(JSON.stringify(configOf(jwks, requirement)(0, 0)), 'test')));
  return plane.addressOf('main')!.port;
}

/** As bytes: clients would tidy the path up. */
async function status(port: number, target: string, ...lines: string[]): Promise<number> {
  const socket = connect(port, '127.0.0.1', () =>
    socket.write(`GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`, 'latin1'),
  );
  let answer = '';
  for await (const part of socket.setEncoding('latin1')) {
    answer += part;
    // Not until the end: Envoy leaves the connection open for a second after an answer of its own.
    if (answer.length >= 12) break;
  }
  return Number(answer.slice(9, 12));
}

/** A request with its verdict, and Envoy's where it is another one: a fragment is 400 there unless Istio's switch is set. */
type Road = readonly [name: string, target: string, lines: readonly string[], verdict: number, envoy?: number];

const written: readonly (readonly [target: string, verdict: number, envoy?: number])[] = [
  ['/open', 200],
  ['/secure', 401],
  ['/secure?x', 401],
  ['/secure?', 401],
  ['/secure#x', 401, 400],
  ['/secure#?x', 401, 400],
  ['//secure', 401],
  ['/./secure', 401],
  ['/x/../secure', 401],
  ['/x/..;/secure', 401],
  ['/%73ecure', 401],
  ['http://b/secure', 401],
  ['\\secure', 400],
];
const spellings = written.map(([target, verdict, envoy = verdict]): Road => [target, target, [], verdict, envoy]);

async function withTokens(privateKey: Parameters<SignJWT['sign']>[0]): Promise<Road[]> {
  const sign = (claims: Record<string, unknown>, issuer = 'me', kid = 'k') =>
    new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid }).setIssuer(issuer).setExpirationTime('1h').sign(privateKey);
  const bearer = (token: string) => `Authorization: Bearer ${token}`;
  const [good, bad] = [await sign({ aud: 'shop' }), await sign({ aud: 'shop' }, 'stranger')];
  const [header, payload] = good.split('.');
  const none = Buffer.from('{"alg":"none"}').toString('base64url');
  return [
    ['a good token', '/secure', [bearer(good)], 200],
    ['another issuer', '/secure', [bearer(bad)], 401],
    ['another audience', '/secure', [bearer(await sign({ aud: 'other' }))], 403],
    ['a key nobody has', '/secure', [bearer(await sign({ aud: 'shop' }, 'me', 'unknown'))], 401],
    ['a good token twice', `/secure?access_token=${good}`, [bearer(good)], 200],
    // A bad one beside the good.
    ['a bad one in the query', `/secure?access_token=${bad}`, [bearer(good)], 401],
    ['a bad one second in the query', `/secure?access_token=${good}&access_token=${bad}`, [], 401, 200],
    ['a bad one behind a second question mark', `/secure?access_token=${good}?&access_token=${bad}`, [], 401],
    ['a bad one in a second header', '/secure', [bearer(good), bearer(bad)], 401],
    // Nobody's signature.
    ['no signature', '/secure', [bearer(`${header}.${payload}.`)], 401],
    ['algorithm none', '/secure', [bearer(`${none}.${payload}.`)], 401],
  ];
}

const onEach = async (port: number, roads: readonly Road[]) => {
  const found: string[] = [];
  for (const [name, target, lines] of roads) found.push(`${name}: ${await status(port, target, ...lines)}`);
  return found;
};

test('no spelling of the path goes around the token, and no token but a good one is let through', async (t) => {
  const { publicKey, privateKey } = await generateKeyPair('ES256');
  const jwks = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'k' }] });
  const roads = [...spellings, ...(await withTokens(privateKey))];
  assert.deepEqual(
    await onEach(await start(jwks), roads),
    roads.map(([name, , , verdict]) => `${name}: ${verdict}`),
  );
  await t.test('Envoy’s verdicts are the ones written down', { skip: withoutEnvoy }, async () => {
    const envoy = await startEnvoy(configOf(jwks));
    try {
      assert.deepEqual(
        await onEach(envoy.port, roads),
        roads.map(([name, , , verdict, other]) => `${name}: ${other ?? verdict}`),
      );
    } finally {
      await envoy.stop();
    }
  });
});

test('keys nobody can use verify nothing', async () => {
  const { privateKey } = await generateKeyPair('ES256');
  const token = await new SignJWT({ aud: 'shop' })
    .setProtectedHeader({ alg: 'ES256' })
    .setIssuer('me')
    .setExpirationTime('1h')
    .sign(privateKey);
  for (const jwks of ['{"keys":[]}', '{"keys":[{"kty":"made-up"}]}', 'not JSON']) {
    const port = await start(jwks);
    assert.equal(await status(port, '/secure', `Authorization: Bearer ${token}`), 401, jwks);
    assert.equal(await status(port, '/secure'), 401, jwks);
  }
});

test('a requirement that is not defined is refused, not taken as none', async () => {
  for (const name of ['other', 'constructor'])
    await assert.rejects(start('{"keys":[]}', { requirement_name: name }), new RegExp(`requirement_name "${name}" is not defined`));
});
