/** What one exchange leaves behind on the connection that the next one takes. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { after, test } from 'node:test';
import { parseBootstrap, staticResources } from '../config/bootstrap.ts';
import { DataPlane } from '../proxy.ts';
import { plainHop } from '../testing/mesh-bootstrap.ts';
import { UpstreamConnection } from './upstream-connection.ts';

const planes: DataPlane[] = [];
after(() => {
  for (const plane of planes) plane.close();
});

/** @param serve each connection to the application; @param idleTimeout of the cluster's connections */
async function start(serve: (socket: Socket) => void, idleTimeout?: string) {
  const application = createServer((socket) => serve(socket.on('error', () => {}))).listen(0, '127.0.0.1');
  await once(application, 'listening');
  after(() => application.close());
  const upstreamPort = (application.address() as AddressInfo).port;
  const plane = new DataPlane();
  planes.push(plane);
  const config = plainHop({ listenPort: 0, adminPort: 0, upstreamPort, logPath: '', statPrefix: 'in' }, []);
  if (idleTimeout !== undefined) {
    const name = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
    const options = { '@type': `type.googleapis.com/${name}`, explicit_http_config: { http_protocol_options: {} } };
    Object.assign(config.static_resources.clusters.find((cluster) => cluster.name === 'next')!, {
      typed_extension_protocol_options: { [name]: { ...options, common_http_protocol_options: { idle_timeout: idleTimeout } } },
    });
  }
  await plane.apply(staticResources(parseBootstrap(JSON.stringify(config), 'test')));
  return { plane, port: plane.addressOf('main')!.port };
}

test('a connection that was paused for a slow reader reads again for the next request', { timeout: 10_000 }, async () => {
  const { plane } = await start((socket) => socket.on('data', () => socket.write('answer')));
  const cluster = plane.runtime.clusters.at('next').current!;
  const connection = new UpstreamConnection(cluster, cluster.hosts[0]!);
  const { promise: ready, resolve: onUpstreamReady } = Promise.withResolvers<void>();
  const { promise: answered, resolve } = Promise.withResolvers<string>();
  connection.user = {
    onUpstreamReady,
    onUpstreamBytes: (bytes, length) => resolve(bytes.toString('latin1', 0, length)),
    onUpstreamFailed: resolve,
    onUpstreamEnd: () => resolve('ended'),
    onUpstreamDrain() {},
  };
  const { user } = connection;
  await ready;
  connection.socket.pause();
  connection.release(true);
  const taken = cluster.hosts[0]!.takeIdle()!;
  assert.equal(taken, connection);
  taken.user = user;
  taken.socket.write('request');
  assert.equal(await answered, 'answer');
  taken.destroy();
});

test('half an answer on a connection that ends is not the beginning of another’s', { timeout: 10_000 }, async () => {
  let requests = 0;
  const { port } = await start((socket) =>
    socket.on('data', () => {
      const turn = ++requests;
      if (turn === 2) socket.end('HTTP/1.1 200 OK\r\nx-secret: begins');
      else socket.write(`HTTP/1.1 200 OK\r\nx-turn: ${turn}\r\ncontent-length: 0\r\n\r\n`);
    }),
  );
  const get = () => fetch(`http://127.0.0.1:${port}/`, { headers: { connection: 'close' } });
  assert.equal((await get()).headers.get('x-turn'), '1');
  const broken = await get();
  assert.deepEqual([broken.status, broken.headers.get('x-secret')], [503, null]);
  assert.equal((await get()).headers.get('x-turn'), '3');
});

test('idle connections end by the timeout of their cluster, 0 is none; one that is used again begins anew', {
  timeout: 20_000,
}, async () => {
  const { promise: bye, resolve: ended } = Promise.withResolvers<void>();
  const sockets: Socket[] = [];
  const answer = (socket: Socket) => {
    sockets.push(socket);
    socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n')).on('end', ended);
  };
  const { port } = await start(answer, '0.6s');
  const get = (at: number) => fetch(`http://127.0.0.1:${at}/`, { headers: { connection: 'close' } });
  for (let round = 0; round < 4; round++) {
    assert.equal((await get(port)).status, 200);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  assert.equal(sockets.length, 1);
  await bye;
  await get(port);
  assert.equal(sockets.length, 2);

  const forever = await start(answer, '0s');
  for (let round = 0; round < 2; round++) {
    await get(forever.port);
    await new Promise((resolve) => setTimeout(resolve, 400));
  }
  assert.equal(sockets.length, 3);
});
