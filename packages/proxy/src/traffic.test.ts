/** Routes, tokens, TCP and TLS inspection over real sockets. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer, type Server as TcpServer } from 'node:net';
import { after, before, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { parseBootstrap, staticResources } from './config/bootstrap.ts';
import { DataPlane } from './proxy.ts';
import { makeIdentities, plainHop, rbacFilter } from './testing/mesh-bootstrap.ts';

const type = (name: string) => `type.googleapis.com/envoy.extensions.${name}`;
let application: Server;
let echo: TcpServer;
const planes: DataPlane[] = [];
const portOf = (server: { address(): AddressInfo | string | null }) => (server.address() as AddressInfo).port;

before(async () => {
  application = createServer((request, response) => response.end(JSON.stringify({ url: request.url, headers: request.headers }))).listen(
    0,
    '127.0.0.1',
  );
  echo = createTcpServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket)).listen(0, '127.0.0.1');
  await Promise.all([once(application, 'listening'), once(echo, 'listening')]);
});

after(() => {
  for (const plane of planes) plane.close();
  application.closeAllConnections();
  application.close();
  echo.close();
});

async function start(config: unknown): Promise<number> {
  const plane = new DataPlane();
  planes.push(plane);
  await plane.apply(staticResources(parseBootstrap(JSON.stringify(config), 'test')));
  return plane.addressOf('main')!.port;
}

const options = () => ({ listenPort: 0, adminPort: 0, upstreamPort: portOf(application), logPath: '', statPrefix: 'in' });

async function get(port: number, path: string, headers: Record<string, string> = {}) {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: 'close', ...headers }, redirect: 'manual' });
  return { status: response.status, headers: response.headers, body: await response.text() };
}

function routes(list: readonly unknown[]) {
  return { route_config: { name: 'r', virtual_hosts: [{ name: 'all', domains: ['*'], routes: list }] } };
}

test('routes: first match, rewrite, header changes, redirect, own answer, nothing', async () => {
  const config = plainHop(
    options(),
    [],
    routes([
      { match: { path: '/own' }, direct_response: { status: 418, body: { inline_string: 'tea' } } },
      { match: { prefix: '/old' }, redirect: { prefix_rewrite: '/new', response_code: 'FOUND' } },
      { match: { prefix: '/', headers: [{ name: 'x-canary', string_match: { exact: 'yes' } }] }, route: { cluster: 'missing' } },
      {
        match: { safe_regex: { regex: '/v[0-9]+/.*' } },
        route: { cluster: 'next', regex_rewrite: { pattern: { regex: '^/v([0-9]+)/' }, substitution: '/\\1/' } },
      },
      {
        match: { prefix: '/api/' },
        route: { cluster: 'next', prefix_rewrite: '/', host_rewrite_literal: 'inner' },
        request_headers_to_add: [{ header: { key: 'x-added', value: 'a' }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' }],
        request_headers_to_remove: ['x-secret'],
      },
    ]),
  );
  const port = await start(config);
  assert.deepEqual([(await get(port, '/own')).status, (await get(port, '/own')).body], [418, 'tea']);
  const moved = await get(port, '/old/a?b=1?c');
  assert.deepEqual(
    [moved.status, new URL(moved.headers.get('location')!).pathname, new URL(moved.headers.get('location')!).search],
    [302, '/new/a', '?b=1?c'],
  );
  assert.equal((await get(port, '/', { 'x-canary': 'yes' })).status, 503);
  assert.equal(JSON.parse((await get(port, '/v2/x?y')).body).url, '/2/x?y');
  const seen = JSON.parse((await get(port, '/api/a', { 'x-secret': 's', 'x-added': 'forged' })).body);
  assert.deepEqual([seen.url, seen.headers.host, seen.headers['x-added'], seen.headers['x-secret']], ['/a', 'inner', 'a', undefined]);
  assert.equal((await get(port, '/none')).status, 404);
});

test('what would end a line of a head is refused when it is configured', async () => {
  const to = (route: object) => [{ match: { prefix: '/' }, route: { cluster: 'next', ...route } }];
  for (const list of [
    to({ prefix_rewrite: '/x HTTP/1.1\r\nhost: b\r\n' }),
    // In Latin-1 these two are CR and LF.
    to({ host_rewrite_literal: 'a\u010d\u010ax-forged: 1' }),
    to({ regex_rewrite: { pattern: { regex: 'a' }, substitution: '\n' } }),
    [{ match: { prefix: '/' }, redirect: { host_redirect: 'b\r\nset-cookie: c=d' } }],
    [{ match: { prefix: '/' }, redirect: { path_redirect: '/\n' } }],
  ])
    await assert.rejects(start(plainHop(options(), [], routes(list))), /route 0: .*cannot be sent/);
  const provider = { issuer: 'me', local_jwks: { inline_string: '{}' }, forward_payload_header: 'x\r\ny' };
  const jwt = { '@type': type('filters.http.jwt_authn.v3.JwtAuthentication'), providers: { p: provider } };
  await assert.rejects(start(plainHop(options(), [{ name: 'jwt', typed_config: jwt }])), /header "x\r\ny" cannot be sent/);
});

test('weights share requests out and never choose 0', async () => {
  const target = (name: string, weight: number) => ({ name, weight });
  const config = plainHop(
    options(),
    [],
    routes([{ match: { prefix: '/' }, route: { weighted_clusters: { clusters: [target('next', 1), target('missing', 0)] } } }]),
  );
  const port = await start(config);
  for (let i = 0; i < 20; i++) assert.equal((await get(port, '/')).status, 200);
});

test('tokens: none passes, good passes with its claims, bad is 401, required by policy', async () => {
  const { publicKey, privateKey } = await generateKeyPair('ES256');
  const jwks = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'k' }] });
  const jwt = {
    name: 'jwt',
    typed_config: {
      '@type': type('filters.http.jwt_authn.v3.JwtAuthentication'),
      providers: {
        p: { issuer: 'me', local_jwks: { inline_string: jwks }, payload_in_metadata: 'payload', forward_payload_header: 'x-payload' },
      },
      rules: [{ match: { prefix: '/' }, requires: { requires_any: { requirements: [{ provider_name: 'p' }, { allow_missing: {} }] } } }],
    },
  };
  const metadata = {
    filter: 'envoy.filters.http.jwt_authn',
    path: [{ key: 'payload' }, { key: 'sub' }],
    value: { string_match: { exact: 'ann' } },
  };
  const rules = {
    action: 'DENY',
    policies: { p: { permissions: [{ url_path: { path: { prefix: '/ann' } } }], principals: [{ not_id: { metadata } }] } },
  };
  const port = await start(plainHop(options(), [jwt, rbacFilter(rules)]));
  const token = (sub: string, issuer = 'me') =>
    new SignJWT({ sub }).setProtectedHeader({ alg: 'ES256', kid: 'k' }).setIssuer(issuer).setExpirationTime('1h').sign(privateKey);
  const bearer = async (sub: string, issuer?: string) => ({ authorization: `Bearer ${await token(sub, issuer)}` });
  const anonymous = await get(port, '/', { 'x-payload': 'forged' });
  assert.deepEqual([anonymous.status, JSON.parse(anonymous.body).headers['x-payload']], [200, undefined]);
  assert.equal((await get(port, '/ann')).status, 403);
  const good = await get(port, '/ann', await bearer('ann'));
  assert.deepEqual([good.status, JSON.parse(good.body).headers.authorization], [200, undefined]);
  assert.equal((await get(port, '/ann', await bearer('bob'))).status, 403);
  const foreign = await get(port, '/', await bearer('ann', 'other'));
  assert.deepEqual([foreign.status, foreign.body], [401, 'Jwt issuer is not configured']);
  assert.equal((await get(port, '/', { authorization: 'Bearer nonsense' })).status, 401);
});

const tcpFilters = (rules: unknown) => [
  { name: 'rbac', typed_config: { '@type': type('filters.network.rbac.v3.RBAC'), stat_prefix: 'tcp.', rules } },
  { name: 'tcp', typed_config: { '@type': type('filters.network.tcp_proxy.v3.TcpProxy'), stat_prefix: 'echo', cluster: 'next' } },
];
const everyone = { action: 'ALLOW', policies: { all: { permissions: [{ any: true }], principals: [{ any: true }] } } };
const nobody = { action: 'ALLOW' };

/** Sends, half-closes, and reads to the end. */
async function exchangeTcp(socket: ReturnType<typeof connect>, message: Buffer): Promise<Buffer> {
  const parts: Buffer[] = [];
  socket.on('error', () => {});
  socket.on('data', (part: Buffer) => parts.push(part));
  socket.end(message);
  // A reset is how some of these end: not an error here, where `once` would make it one.
  await new Promise((resolve) => socket.once('close', resolve));
  return Buffer.concat(parts);
}

test('TCP: bytes come back whole after a half-close; a denied connection gets none', async () => {
  const base = plainHop({ ...options(), upstreamPort: portOf(echo) }, []);
  const chain = (rules: unknown) => ({
    ...base,
    static_resources: {
      ...base.static_resources,
      listeners: [{ ...base.static_resources.listeners[0], filter_chains: [{ filters: tcpFilters(rules) }] }],
    },
  });
  const message = Buffer.alloc(2_000_000, 'palisade');
  const open = await start(chain(everyone));
  assert.ok(message.equals(await exchangeTcp(connect(open, '127.0.0.1'), message)));
  const closed = await start(chain(nobody));
  assert.equal((await exchangeTcp(connect(closed, '127.0.0.1'), Buffer.from('x'))).length, 0);
});

test('one port, permissive: mutual TLS by ALPN, plain text beside it', async () => {
  const [client, server] = await makeIdentities(['client', 'server']);
  const base = plainHop({ ...options(), upstreamPort: portOf(echo) }, []);
  const tls = {
    name: 'tls',
    typed_config: {
      '@type': type('transport_sockets.tls.v3.DownstreamTlsContext'),
      require_client_certificate: true,
      common_tls_context: {
        tls_certificates: [{ certificate_chain: { inline_string: server!.certPem }, private_key: { inline_string: server!.keyPem } }],
        validation_context: { trusted_ca: { inline_string: server!.rootPem } },
        alpn_protocols: ['istio'],
      },
    },
  };
  const listener = {
    ...base.static_resources.listeners[0],
    listener_filters: [{ name: 'tls', typed_config: { '@type': type('filters.listener.tls_inspector.v3.TlsInspector') } }],
    filter_chains: [
      {
        name: 'mtls',
        filter_chain_match: { transport_protocol: 'tls', application_protocols: ['istio'] },
        transport_socket: tls,
        filters: tcpFilters(everyone),
      },
      { name: 'plain', filter_chain_match: { transport_protocol: 'raw_buffer' }, filters: tcpFilters(everyone) },
    ],
  };
  const port = await start({ ...base, static_resources: { ...base.static_resources, listeners: [listener] } });
  const message = Buffer.alloc(300_000, 'x');
  assert.ok(message.equals(await exchangeTcp(connect(port, '127.0.0.1'), message)));
  const secure = (ALPNProtocols: string[], withCertificate: boolean) =>
    connectTls({
      port,
      host: '127.0.0.1',
      ca: client!.rootPem,
      ALPNProtocols,
      checkServerIdentity: () => undefined,
      ...(withCertificate ? { cert: client!.certPem, key: client!.keyPem } : {}),
    });
  assert.ok(message.equals(await exchangeTcp(secure(['istio'], true), message)));
  assert.equal((await exchangeTcp(secure(['istio'], false), message)).length, 0);
  assert.equal((await exchangeTcp(secure(['http/1.1'], true), message)).length, 0);
});
