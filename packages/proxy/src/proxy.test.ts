/** Two proxies in this process, real sockets on the loopback. */
import assert from 'node:assert/strict';
import { Agent, createServer, type IncomingMessage, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { parseBootstrap, staticResources } from './config/bootstrap.ts';
import { DataPlane } from './proxy.ts';
import { allowGetFrom, clientHop, type HopOptions, makeIdentities, serverHop, type TestIdentity } from './testing/mesh-bootstrap.ts';

let application: Server;
let identities: TestIdentity[];
const planes: DataPlane[] = [];
const agent = new Agent({ keepAlive: true, maxSockets: 8 });

before(async () => {
  application = createServer((incoming, response) => {
    const parts: Buffer[] = [];
    incoming.on('data', (part: Buffer) => parts.push(part));
    incoming.on('end', () => {
      const body = Buffer.concat(parts);
      if (incoming.url === '/stream') {
        response.write('a');
        response.end('b');
        return;
      }
      response.setHeader('content-type', 'application/json');
      response.end(
        JSON.stringify({
          url: incoming.url,
          headers: incoming.headers,
          length: body.length,
          sum: body.reduce((a, b) => (a + b) % 65_521, 0),
        }),
      );
    });
  });
  await new Promise<void>((resolve) => application.listen(0, '127.0.0.1', resolve));
  identities = await makeIdentities(['client', 'server', 'stranger']);
});

after(() => {
  agent.destroy();
  for (const plane of planes) plane.close();
  application.closeAllConnections();
  application.close();
});

const options = (upstreamPort: number, statPrefix: string): HopOptions => ({
  listenPort: 0,
  adminPort: 0,
  upstreamPort,
  logPath: '',
  statPrefix,
});
const read = (config: unknown) => staticResources(parseBootstrap(JSON.stringify(config), 'test'));

async function start(config: unknown): Promise<{ plane: DataPlane; port: number }> {
  const plane = new DataPlane();
  planes.push(plane);
  await plane.apply(read(config));
  return { plane, port: plane.addressOf('main')!.port };
}

async function pair(client: TestIdentity, expected: string, allowed = identities[0]!.uri) {
  const appPort = (application.address() as AddressInfo).port;
  const server = await start(serverHop(options(appPort, 'in'), identities[1]!, allowGetFrom(allowed)));
  const first = await start(clientHop(options(server.port, 'out'), client, [expected]));
  return { server, client: first };
}

function send(
  port: number,
  path: string,
  init: { method?: string; body?: Buffer; headers?: Record<string, string> } = {},
): Promise<{ status: number; headers: IncomingMessage['headers']; body: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { agent, host: '127.0.0.1', port, path, method: init.method ?? 'GET', headers: init.headers ?? {} },
      (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (part) => (body += part));
        response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, body }));
      },
    );
    outgoing.on('error', reject);
    outgoing.end(init.body);
  });
}

test('a request crosses both hops with its identity', async () => {
  const { client } = await pair(identities[0]!, identities[1]!.uri);
  const answer = await send(client.port, '/a/../b?x=1', { headers: { 'x-forwarded-client-cert': 'By=forged' } });
  assert.equal(answer.status, 200);
  const seen = JSON.parse(answer.body);
  assert.equal(seen.url, '/b?x=1');
  assert.match(
    seen.headers['x-forwarded-client-cert'],
    /^By=spiffe:\/\/cluster\.local\/ns\/default\/sa\/server;Hash=[0-9a-f]{64};Subject="[^"]*";URI=spiffe:\/\/cluster\.local\/ns\/default\/sa\/client$/,
  );
  assert.match(seen.headers['x-request-id'], /^[0-9a-f-]{36}$/);
  assert.equal(answer.headers['server'], 'envoy');
});

test('who is not named is denied, and so is what is not named', async () => {
  const { client } = await pair(identities[2]!, identities[1]!.uri);
  const denied = await send(client.port, '/');
  assert.deepEqual([denied.status, denied.body], [403, 'RBAC: access denied']);
  const named = await pair(identities[0]!, identities[1]!.uri);
  assert.equal((await send(named.client.port, '/', { method: 'DELETE' })).status, 403);
  assert.equal((await send(named.client.port, '/')).status, 200);
});

test('a server of another identity gets nothing', async () => {
  const { client } = await pair(identities[0]!, identities[2]!.uri);
  const answer = await send(client.port, '/');
  assert.equal(answer.status, 503);
  assert.match(answer.body, /^upstream connect error or disconnect\/reset before headers/);
});

test('a client without the mesh’s certificate gets nothing', async () => {
  const [foreign] = await makeIdentities(['client']);
  const { client } = await pair(foreign!, identities[1]!.uri);
  assert.equal((await send(client.port, '/')).status, 503);
});

test('bodies of every framing arrive whole', async () => {
  const { client } = await pair(identities[0]!, identities[1]!.uri);
  for (const length of [0, 1, 200, 16_384, 70_000, 3_000_000]) {
    const body = Buffer.alloc(length, 7);
    for (const headers of [{ 'content-length': String(length) }, { 'transfer-encoding': 'chunked' }]) {
      const answer = await send(client.port, '/up', { method: 'POST', body, headers });
      const seen = JSON.parse(answer.body);
      assert.deepEqual(
        [answer.status, seen.length, seen.sum],
        [200, length, (length * 7) % 65_521],
        `${length} ${Object.keys(headers)[0]}`,
      );
    }
  }
  assert.equal((await send(client.port, '/stream')).body, 'ab');
});

test('a policy that changes judges the next request of an open connection', async () => {
  const appPort = (application.address() as AddressInfo).port;
  const { client, server } = await pair(identities[0]!, identities[1]!.uri);
  assert.equal((await send(client.port, '/')).status, 200);
  await server.plane.apply(read(serverHop(options(appPort, 'in'), identities[1]!, allowGetFrom(identities[2]!.uri))));
  assert.equal((await send(client.port, '/')).status, 403);
});

test('a configuration with a field nobody reads is refused whole', async () => {
  const { server } = await pair(identities[0]!, identities[1]!.uri);
  const bad = serverHop(options(1, 'in'), identities[1]!, {
    action: 'ALLOW',
    policies: { p: { permissions: [{ any: true }], principals: [{ any: true }], condition: { const_expr: { bool_value: false } } } },
  });
  await assert.rejects(server.plane.apply(read(bad)), /listener "main".*policy "p": field "condition" is not supported/);
});
