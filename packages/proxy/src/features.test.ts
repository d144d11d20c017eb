/** Upgrades, time limits, drain, tracing headers, the administrator's interface, subsets, secrets that change. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, get as getHttp, type IncomingMessage, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { startAdmin } from './admin/admin.ts';
import { parseBootstrap, staticResources } from './config/bootstrap.ts';
import { DataPlane } from './proxy.ts';
import { makeIdentities, plainHop, type TestIdentity } from './testing/mesh-bootstrap.ts';

const type = (name: string) => `type.googleapis.com/envoy.extensions.${name}`;
let application: Server;
const planes: DataPlane[] = [];
const portOf = (server: { address(): AddressInfo | string | null }) => (server.address() as AddressInfo).port;

before(async () => {
  application = createServer((request, response) => {
    if (request.url === '/never') return;
    setTimeout(() => response.end(JSON.stringify(request.headers)), request.url === '/slow' ? 400 : 0);
  });
  application.on('upgrade', (_: IncomingMessage, socket: Socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: x\r\n\r\nhello');
    socket.pipe(socket);
  });
  application.listen(0, '127.0.0.1');
  await once(application, 'listening');
});

after(() => {
  for (const plane of planes) plane.close();
  application.closeAllConnections();
  application.close();
});

const options = () => ({ listenPort: 0, adminPort: 0, upstreamPort: portOf(application), logPath: '', statPrefix: 'in' });

async function start(config: unknown): Promise<{ plane: DataPlane; port: number }> {
  const plane = new DataPlane();
  planes.push(plane);
  await plane.apply(staticResources(parseBootstrap(JSON.stringify(config), 'test')));
  return { plane, port: plane.addressOf('main')!.port };
}

const routes = (list: readonly unknown[]) => ({
  route_config: { name: 'r', virtual_hosts: [{ name: 'all', domains: ['*'], routes: list }] },
});
const get = async (port: number, path: string, headers: Record<string, string> = {}) => {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: 'close', ...headers } });
  return { status: response.status, headers: response.headers, body: await response.text() };
};

/** Reads until `enough` of it is there. */
function read(socket: Socket, enough: (text: string) => boolean): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const onData = (part: Buffer) => {
      text += part.toString('latin1');
      if (enough(text)) done();
    };
    const done = () => {
      socket.off('data', onData);
      resolve(text);
    };
    socket.on('data', onData);
    socket.on('error', done);
    socket.once('close', done);
  });
}

const upgrade = 'GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\n\r\n';

test('an upgrade that is allowed becomes a plain stream; one that is not, or comes with a body, is refused', async () => {
  const allowed = await start(plainHop(options(), [], { upgrade_configs: [{ upgrade_type: 'websocket' }] }));
  const socket = connect(allowed.port, '127.0.0.1', () => socket.write(upgrade));
  const first = await read(socket, (text) => text.endsWith('hello'));
  assert.match(first, /^HTTP\/1.1 101 Switching Protocols\r\n[\s\S]*upgrade: websocket/);
  const echoed = read(socket, (text) => text.length >= 100_000);
  socket.write('x'.repeat(100_000));
  assert.equal(await echoed, 'x'.repeat(100_000));
  socket.destroy();
  const other = await start(plainHop(options(), []));
  const withBody = upgrade.replace('\r\n\r\n', '\r\nContent-Length: 5\r\n\r\nhello');
  for (const [port, bytes] of [
    [other.port, upgrade],
    [allowed.port, withBody],
  ] as const) {
    const refused = connect(port, '127.0.0.1', () => refused.write(bytes));
    assert.match(await read(refused, () => false), /^HTTP\/1.1 403/);
  }
});

test('an answer that does not come in time is 504', async () => {
  const { port } = await start(plainHop(options(), [], routes([{ match: { prefix: '/' }, route: { cluster: 'next', timeout: '0.3s' } }])));
  assert.deepEqual([(await get(port, '/never')).status, (await get(port, '/never')).body], [504, 'upstream request timeout']);
  assert.equal((await get(port, '/')).status, 200);
});

test('a client that stops in the middle of a head or body is not waited for', async () => {
  const limits = { request_headers_timeout: '0.3s', stream_idle_timeout: '0.3s' };
  const { port } = await start(plainHop(options(), [], limits));
  for (const [bytes, expected] of [
    ['GET / HTTP/1.1\r\nHos', /^HTTP\/1.1 408/],
    ['POST /never HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc', /^HTTP\/1.1 408[\s\S]*stream timeout$/],
  ] as const) {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    assert.match(await read(socket, () => false), expected);
  }
});

test('a request whose client went away before the answer counts as asked, not as answered', async () => {
  const { plane, port } = await start(plainHop(options(), []));
  const counted = (name: string) => plane.runtime.stats.counter(`http.in.downstream_rq_${name}`).value;
  const until = async (isSo: () => boolean) => {
    while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 10));
  };
  await get(port, '/');
  const gone = connect(port, '127.0.0.1', () => gone.write('GET /never HTTP/1.1\r\nHost: a\r\n\r\n'));
  await until(() => counted('active') === 1);
  gone.destroy();
  await until(() => counted('active') === 0);
  assert.deepEqual(['total', '1xx', '2xx', '3xx', '4xx', '5xx'].map(counted), [2, 0, 1, 0, 0, 0]);
});

test('a request that is under way while its cluster is removed is answered, and counted out', async () => {
  const { plane, port } = await start(plainHop(options(), []));
  const active = plane.runtime.stats.counter('cluster.next.upstream_rq_active');
  const answer = get(port, '/slow');
  while (active.value === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  await plane.apply({ removedClusters: ['next'] });
  assert.equal((await answer).status, 200);
  assert.equal(active.value, 0);
});

test('tracing headers pass as they came (W3C, B3)', async () => {
  const { port } = await start(plainHop(options(), []));
  const sent = {
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    tracestate: 'a=1,b=2',
    b3: '80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1',
    'x-b3-traceid': '80f198ee56343ba864fe8b2a57d3eff7',
    'x-b3-spanid': 'e457b5a2e4d86bd1',
    'x-b3-sampled': '1',
    'x-request-id': 'mine',
    'x-ot-span-context': 'c',
  };
  const seen = JSON.parse((await get(port, '/', sent)).body);
  for (const [name, value] of Object.entries(sent)) assert.equal(seen[name], value, name);
});

test('drain: what is under way is answered and told to go, nobody new is let in', async () => {
  const { plane, port } = await start(plainHop(options(), []));
  const busy = connect(port, '127.0.0.1', () => busy.write('GET /slow HTTP/1.1\r\nHost: a\r\n\r\n'));
  const answer = read(busy, () => false);
  await new Promise((resolve) => setTimeout(resolve, 100));
  let isDrained = false;
  const drained = plane.drain().then(() => {
    isDrained = true;
  });
  const late = connect(port, '127.0.0.1');
  assert.equal(((await once(late, 'error'))[0] as NodeJS.ErrnoException).code, 'ECONNREFUSED');
  assert.equal(isDrained, false);
  assert.match(await answer, /^HTTP\/1.1 200[\s\S]*connection: close/);
  await drained;
});

test('the administrator’s interface: what it shows, and that changes need POST', async () => {
  const { plane, port } = await start(plainHop(options(), []));
  await get(port, '/');
  let hasQuit = false;
  let isServing = false;
  const quit = () => {
    hasQuit = true;
  };
  const admin = await startAdmin(plane, { address: '127.0.0.1', port: 0 }, quit, { isServing: () => isServing });
  const ask = (path: string, method = 'GET') =>
    new Promise<{ status: number; body: string }>((resolve, reject) => {
      getHttp({ host: '127.0.0.1', port: portOf(admin), path, method, agent: false }, (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (part) => (body += part));
        response.on('end', () => resolve({ status: response.statusCode!, body }));
      })
        .on('error', reject)
        .end();
    });
  assert.deepEqual(await ask('/ready'), { status: 503, body: 'INITIALIZING\n' });
  isServing = true;
  assert.deepEqual(await ask('/ready'), { status: 200, body: 'LIVE\n' });
  assert.match((await ask('/stats')).body, /^http\.in\.downstream_rq_total: 1$/m);
  assert.match((await ask('/stats/prometheus')).body, /^envoy_http_in_downstream_rq_total 1$/m);
  assert.match((await ask('/clusters')).body, new RegExp(`^next::127\\.0\\.0\\.1:${portOf(application)}::rq_total::1$`, 'm'));
  assert.match((await ask('/listeners')).body, /^main::127\.0\.0\.1:0$/m);
  assert.match((await ask('/config_dump')).body, /"envoy.admin.v3.ListenersConfigDump"|ListenersConfigDump/);
  assert.equal((await ask('/drain_listeners')).status, 405);
  assert.equal((await ask('/nothing')).status, 404);
  assert.equal((await ask('/drain_listeners', 'POST')).status, 200);
  assert.deepEqual(await ask('/ready'), { status: 503, body: 'DRAINING\n' });
  assert.equal((await ask('/quitquitquit', 'POST')).status, 200);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(hasQuit, true);
  admin.close();
});

test('subsets: only endpoints with the labels are chosen; none of them is 503', async () => {
  const other = createServer((_, response) => response.end('other')).listen(0, '127.0.0.1');
  await once(other, 'listening');
  const base = plainHop(options(), [], {
    ...routes([
      ...['v1', 'v2', 'v3'].map((version) => ({
        match: { prefix: `/${version}` },
        route: { cluster: 'next', metadata_match: { filter_metadata: { 'envoy.lb': { version } } } },
      })),
    ]),
  });
  const endpoint = (port: number, version: string) => ({
    endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: port } } },
    metadata: { filter_metadata: { 'envoy.lb': { version } } },
  });
  Object.assign(base.static_resources.clusters[0]!, {
    lb_policy: 'LEAST_REQUEST',
    lb_subset_config: { fallback_policy: 'NO_FALLBACK', subset_selectors: [{ keys: ['version'] }] },
    load_assignment: {
      cluster_name: 'next',
      endpoints: [{ lb_endpoints: [endpoint(portOf(application), 'v1'), endpoint(portOf(other), 'v2')] }],
    },
  });
  const { port } = await start(base);
  for (let i = 0; i < 10; i++) {
    assert.equal((await get(port, '/v2')).body, 'other');
    assert.match((await get(port, '/v1')).body, /^\{/);
  }
  assert.equal((await get(port, '/v3')).status, 503);
  other.closeAllConnections();
  other.close();
});

test('a secret that changes is shown to the next connection; the open one lives on', async () => {
  const [first, second, client] = (await makeIdentities(['first', 'second', 'client'])) as [TestIdentity, TestIdentity, TestIdentity];
  const base = plainHop(options(), []);
  const secret = (identity: TestIdentity) => ({
    name: 'default',
    tls_certificate: { certificate_chain: { inline_string: identity.certPem }, private_key: { inline_string: identity.keyPem } },
  });
  const config = (identity: TestIdentity) => ({
    ...base,
    static_resources: {
      ...base.static_resources,
      secrets: [secret(identity)],
      listeners: [
        {
          ...base.static_resources.listeners[0],
          filter_chains: [
            {
              ...(base.static_resources.listeners[0]!.filter_chains[0] as object),
              transport_socket: {
                name: 'tls',
                typed_config: {
                  '@type': type('transport_sockets.tls.v3.DownstreamTlsContext'),
                  common_tls_context: { tls_certificate_sds_secret_configs: [{ name: 'default', sds_config: { ads: {} } }] },
                },
              },
            },
          ],
        },
      ],
    },
  });
  const { plane, port } = await start(config(first));
  const open = async () => {
    const socket = connectTls({ port, host: '127.0.0.1', ca: client.rootPem, checkServerIdentity: () => undefined });
    await once(socket, 'secureConnect');
    return socket;
  };
  const old = await open();
  assert.match(old.getPeerX509Certificate()!.subjectAltName!, /\/sa\/first$/);
  await plane.apply({ secrets: staticResources(parseBootstrap(JSON.stringify(config(second)), 'test')).secrets! });
  const fresh = await open();
  assert.match(fresh.getPeerX509Certificate()!.subjectAltName!, /\/sa\/second$/);
  for (const socket of [old, fresh]) {
    const answer = read(socket, (text) => text.includes('\r\n\r\n'));
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    assert.match(await answer, /^HTTP\/1.1 200/);
    socket.destroy();
  }
  await plane.apply({ removedSecrets: ['default'] });
  const refused = connectTls({ port, host: '127.0.0.1', ca: client.rootPem, checkServerIdentity: () => undefined });
  await once(refused, 'error');
});

test('key sets that would have to be fetched are refused with the provider’s name', async () => {
  const jwt = {
    name: 'jwt',
    typed_config: {
      '@type': type('filters.http.jwt_authn.v3.JwtAuthentication'),
      providers: { p: { issuer: 'me', remote_jwks: { http_uri: { uri: 'http://keys', cluster: 'next', timeout: '1s' } } } },
    },
  };
  await assert.rejects(start(plainHop(options(), [jwt])), /provider "p": field "remote_jwks" is not supported/);
});
