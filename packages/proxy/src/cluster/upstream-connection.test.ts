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

/** @param serve each connection to the application */
async function start(serve: (socket: Socket) => void) {
  const application = createServer((socket) => serve(socket.on('error', () => {}))).listen(0, '127.0.0.1');
  await once(application, 'listening');
  after(() => application.close());
  const upstreamPort = (application.address() as AddressInfo).port;
  const plane = new DataPlane();
  planes.push(plane);
  const config = plainHop({ listenPort: 0, adminPort: 0, upstreamPort, logPath: '', statPrefix: 'in' }, []);
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
