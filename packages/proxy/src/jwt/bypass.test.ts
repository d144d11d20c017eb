/** Roads around a required token: spellings of the path (CVE-2020-8595), unknown issuers (CVE-2021-21378), keys nobody can use (CVE-2026-31837). */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { after, before, test } from 'node:test';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { parseBootstrap, staticResources } from '../config/bootstrap.ts';
import { DataPlane } from '../proxy.ts';
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

async function start(jwks: string, requirement: object = { requires: { provider_name: 'p' } }): Promise<number> {
  const jwt = {
    name: 'jwt',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication',
      providers: { p: { issuer: 'me', audiences: ['shop'], local_jwks: { inline_string: jwks } } },
      rules: [{ match: { path: '/secure' }, ...requirement }],
    },
  };
  const upstreamPort = (application.address() as AddressInfo).port;
  const config = plainHop({ listenPort: 0, adminPort: 0, upstreamPort, logPath: '', statPrefix: 'in' }, [jwt]);
  const plane = new DataPlane();
  planes.push(plane);
  await plane.apply(staticResources(parseBootstrap(JSON.stringify(config), 'test')));
  return plane.addressOf('main')!.port;
}

/** As bytes: clients would tidy the path up. */
async function status(port: number, target: string, ...lines: string[]): Promise<number> {
  const socket = connect(port, '127.0.0.1', () =>
    socket.write(`GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`, 'latin1'),
  );
  let answer = '';
  socket.setEncoding('latin1').on('data', (part) => (answer += part));
  await once(socket, 'close');
  return Number(answer.slice(9, 12));
}

test('no spelling of the path goes around the token', async () => {
  const { publicKey, privateKey } = await generateKeyPair('ES256');
  const port = await start(JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'k' }] }));
  const spellings = [
    '/secure',
    '/secure?x',
    '/secure?',
    '/secure#x',
    '/secure#?x',
    '//secure',
    '/./secure',
    '/x/../secure',
    '/x/..;/secure',
    '/%73ecure',
    'http://b/secure',
    '\\secure',
  ];
  for (const target of spellings) assert.equal(await status(port, target), target.startsWith('\\') ? 400 : 401, target);
  assert.equal(await status(port, '/open'), 200);
  const sign = (claims: Record<string, unknown>, issuer = 'me', kid = 'k') =>
    new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid }).setIssuer(issuer).setExpirationTime('1h').sign(privateKey);
  const bearer = async (token: Promise<string> | string) => status(port, '/secure', `Authorization: Bearer ${await token}`);
  assert.equal(await bearer(sign({ aud: 'shop' })), 200);
  assert.equal(await bearer(sign({ aud: 'shop' }, 'stranger')), 401);
  assert.equal(await bearer(sign({ aud: 'other' })), 401);
  assert.equal(await bearer(sign({ aud: 'shop' }, 'me', 'unknown')), 401);
  const [good, bad] = [await sign({ aud: 'shop' }), await sign({ aud: 'shop' }, 'stranger')];
  assert.equal(await status(port, `/secure?access_token=${good}`, `Authorization: Bearer ${good}`), 200);
  const besideTheGood: [string, ...string[]][] = [
    [`/secure?access_token=${bad}`, `Authorization: Bearer ${good}`],
    [`/secure?access_token=${good}&access_token=${bad}`],
    [`/secure?access_token=${good}?&access_token=${bad}`],
    ['/secure', `Authorization: Bearer ${good}`, `Authorization: Bearer ${bad}`],
  ];
  for (const [target, ...lines] of besideTheGood) assert.equal(await status(port, target, ...lines), 401, `${target} ${lines}`);
  const [header, payload] = (await sign({ aud: 'shop' })).split('.');
  assert.equal(await bearer(`${header}.${payload}.`), 401);
  const none = Buffer.from('{"alg":"none"}').toString('base64url');
  assert.equal(await bearer(`${none}.${payload}.`), 401);
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
