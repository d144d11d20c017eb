/** Connections that are open while configuration changes around them, and endpoints that go. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer, type Socket, type Server as TcpServer } from 'node:net';
import { after, before, test } from 'node:test';
import { parseBootstrap, staticResources } from '../config/bootstrap.ts';
import { DataPlane, type Update } from '../proxy.ts';
import { plainHop } from '../testing/mesh-bootstrap.ts';

const type = (name: string) => `type.googleapis.com/envoy.extensions.${name}`;
let application: Server;
let echo: TcpServer;
const planes: DataPlane[] = [];
const portOf = (server: { address(): AddressInfo | string | null }) => (server.address() as AddressInfo).port;

before(async () => {
  application = createServer((request, response) => setTimeout(() => response.end('ok'), request.url === '/slow' ? 300 : 0)).listen(
    0,
    '127.0.0.1',
  );
  echo = createTcpServer({ allowHalfOpen: true }, (socket) => socket.on('error', () => {}).pipe(socket)).listen(0, '127.0.0.1');
  await Promise.all([once(application, 'listening'), once(echo, 'listening')]);
});

after(() => {
  for (const plane of planes) plane.close();
  application.closeAllConnections();
  application.close();
  echo.close();
});

const everyone = { action: 'ALLOW', policies: { all: { permissions: [{ any: true }], principals: [{ any: true }] } } };
const nobody = { action: 'ALLOW' };
const rbac = (rules: unknown) => ({
  name: 'rbac',
  typed_config: { '@type': type('filters.network.rbac.v3.RBAC'), stat_prefix: 'tcp.', rules },
});
const tcpProxy = {
  name: 'tcp',
  typed_config: { '@type': type('filters.network.tcp_proxy.v3.TcpProxy'), stat_prefix: 'echo', cluster: 'next' },
};
const tls = { name: 'tls', typed_config: { '@type': type('transport_sockets.tls.v3.DownstreamTlsContext'), common_tls_context: {} } };

function config(upstream: TcpServer | Server, chain: (filters: unknown[]) => unknown): Update {
  const base = plainHop({ listenPort: 0, adminPort: 0, upstreamPort: portOf(upstream), logPath: '', statPrefix: 'in' }, []);
  const [listener] = base.static_resources.listeners;
  const filters = (listener!.filter_chains[0] as { filters: unknown[] }).filters;
  const changed = { ...listener, filter_chains: [chain(filters)] };
  return staticResources(
    parseBootstrap(JSON.stringify({ ...base, static_resources: { ...base.static_resources, listeners: [changed] } }), 'test'),
  );
}

async function start(update: Update): Promise<{ plane: DataPlane; port: number }> {
  const plane = new DataPlane();
  planes.push(plane);
  await plane.apply(update);
  return { plane, port: plane.addressOf('main')!.port };
}

async function opened(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

async function answered(socket: Socket, message: string): Promise<string> {
  const answer = once(socket, 'data');
  socket.write(message);
  return String((await answer)[0]);
}

const closed = (socket: Socket) => new Promise((resolve) => (socket.destroyed ? resolve(true) : socket.once('close', resolve)));
const request = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;

test('TCP: a policy that would refuse an open connection ends it; one that would not leaves it', async () => {
  const tcp = (rules: unknown) => config(echo, () => ({ filters: [rbac(rules), tcpProxy] }));
  const { plane, port } = await start(tcp(everyone));
  const socket = await opened(port);
  assert.equal(await answered(socket, 'one'), 'one');
  await plane.apply({ listeners: tcp({ ...everyone, policies: { other: everyone.policies.all } }).listeners! });
  assert.equal(await answered(socket, 'two'), 'two');
  await plane.apply({ listeners: tcp(nobody).listeners! });
  await closed(socket);
});

test('HTTP: an idle connection that nothing serves any more ends; an answer under way is finished first', async () => {
  const http = (rules: unknown) => config(application, (filters) => ({ filters: [rbac(rules), ...filters] }));
  const { plane, port } = await start(http(everyone));
  const idle = await opened(port);
  assert.match(await answered(idle, request('/')), /^HTTP\/1.1 200/);
  const busy = await opened(port);
  const slow = answered(busy, request('/slow'));
  await new Promise((resolve) => setTimeout(resolve, 100));
  await plane.apply({ listeners: http(nobody).listeners! });
  await closed(idle);
  assert.match(await slow, /^HTTP\/1.1 200[\s\S]*connection: close/);
  await closed(busy);
});

test('HTTP: where plain text was served and TLS is required now, an idle connection ends', async () => {
  const { plane, port } = await start(config(application, (filters) => ({ filters })));
  const socket = await opened(port);
  assert.match(await answered(socket, request('/')), /^HTTP\/1.1 200(?![\s\S]*connection: close)/);
  await plane.apply({ listeners: config(application, (filters) => ({ filters, transport_socket: tls })).listeners! });
  await closed(socket);
});

test('a removed listener ends idle connections and takes no more', async () => {
  const { plane, port } = await start(config(application, (filters) => ({ filters })));
  const socket = await opened(port);
  assert.match(await answered(socket, request('/')), /^HTTP\/1.1 200/);
  await plane.apply({ removedListeners: ['main'] });
  await closed(socket);
  const late = connect(port, '127.0.0.1');
  const [error] = await once(late, 'error');
  assert.equal((error as NodeJS.ErrnoException).code, 'ECONNREFUSED');
});

test('endpoints that are removed serve nobody; those that come back do', async () => {
  const update = config(application, (filters) => ({ filters }));
  const cluster = { ...update.clusters![0]!, clusterDiscoveryType: { case: 'type' as const, value: 3 } };
  const assignment = update.clusters![0]!.loadAssignment!;
  // EDS: the endpoints come on their own.
  delete (cluster as { loadAssignment?: unknown }).loadAssignment;
  const { plane, port } = await start({ ...update, clusters: [cluster], endpoints: [assignment] });
  const get = async () => (await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: 'close' } })).status;
  assert.equal(await get(), 200);
  await plane.apply({ removedEndpoints: ['next'] });
  assert.equal(await get(), 503);
  await plane.apply({ clusters: [cluster] });
  assert.equal(await get(), 503);
  await plane.apply({ endpoints: [assignment] });
  assert.equal(await get(), 200);
});
