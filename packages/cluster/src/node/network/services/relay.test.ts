import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { relayTcp, relayUdp } from './relay.ts';
import type { ServiceEndpoint } from './service-model.ts';

const endpoint: ServiceEndpoint = { ip: '127.0.0.1', port: 0, isReady: true };

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

async function upstream(onConnection: (socket: Socket) => void) {
  const server = createServer({ allowHalfOpen: true }, onConnection).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const reach = async () => {
    const socket = connect({ host: '127.0.0.1', port });
    await once(socket, 'connect');
    return socket;
  };
  return { server, reach, port };
}

test('a client that sends and half-closes gets the whole answer', async () => {
  const port = await freePort();
  const { server, reach } = await upstream(async (socket) => {
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(chunk);
    socket.end(`got ${Buffer.concat(chunks).length}`);
  });
  // Slower than the client's end, so that all of its bytes wait.
  const slow = async () => {
    await new Promise((resolve) => setTimeout(resolve, 30));
    return reach();
  };
  const relay = await relayTcp({ address: '127.0.0.1', port, choose: () => endpoint, connect: slow });
  const client = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  client.end(Buffer.alloc(1_000_000));
  const chunks: Buffer[] = [];
  for await (const chunk of client) chunks.push(chunk);
  assert.equal(String(Buffer.concat(chunks)), 'got 1000000');
  await relay.close();
  server.close();
});

test('no endpoint, or one that refuses: the client is reset', async () => {
  for (const choose of [() => undefined, () => endpoint]) {
    const port = await freePort();
    const relay = await relayTcp({ address: '127.0.0.1', port, choose, connect: () => Promise.reject(new Error('refused')) });
    const client = connect({ host: '127.0.0.1', port });
    const [error] = await once(client, 'error');
    assert.equal(error.code, 'ECONNRESET');
    await relay.close();
  }
});

test('when the client goes, the attempt to reach the other side is given up', async () => {
  const port = await freePort();
  const { promise, resolve } = Promise.withResolvers<void>();
  const connecting = (_: ServiceEndpoint, signal: AbortSignal) =>
    new Promise<Socket>((_resolve, reject) => {
      signal.addEventListener('abort', () => {
        resolve();
        reject(new Error('given up'));
      });
    });
  const relay = await relayTcp({ address: '127.0.0.1', port, choose: () => endpoint, connect: connecting });
  const client = connect({ host: '127.0.0.1', port });
  client.on('error', () => {});
  await once(client, 'connect');
  client.end('GET / HTTP/1.1\r\n\r\n');
  await promise;
  await relay.close();
});

test('closing the relay ends its connections', async () => {
  const port = await freePort();
  const { server, reach } = await upstream((socket) => socket.on('error', () => {}).resume());
  const relay = await relayTcp({ address: '127.0.0.1', port, choose: () => endpoint, connect: reach });
  const client = connect({ host: '127.0.0.1', port });
  await once(client, 'connect');
  const closed = once(client, 'close');
  client.on('error', () => {}).resume();
  await relay.close();
  await closed;
  server.close();
});

test('UDP: two clients, each gets its own answers, and only from the endpoint', async () => {
  const port = await freePort();
  const echo = createSocket('udp4');
  echo.on('message', (bytes, from) => echo.send(`${bytes}!`, from.port, from.address));
  echo.bind(0, '127.0.0.1');
  await once(echo, 'listening');
  const target: ServiceEndpoint = { ...endpoint, port: echo.address().port };
  const opened: ReturnType<typeof createSocket>[] = [];
  const open = async () => {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    opened.push(socket);
    return socket;
  };
  const relay = await relayUdp({ address: '127.0.0.1', port, choose: () => target, open });
  const clients = [createSocket('udp4'), createSocket('udp4')];
  for (const [index, client] of clients.entries()) {
    for (const text of ['a', 'b']) {
      client.send(`${text}${index}`, port, '127.0.0.1');
      assert.equal(String((await once(client, 'message'))[0]), `${text}${index}!`);
    }
  }
  assert.equal(opened.length, 2);
  // A stranger who guesses the relay's port towards the endpoint is not believed.
  const stranger = createSocket('udp4');
  const seen: string[] = [];
  clients[0]!.on('message', (bytes) => seen.push(String(bytes)));
  await new Promise((resolve) => stranger.send('forged', opened[0]!.address().port, '127.0.0.1', resolve));
  clients[0]!.send('c', port, '127.0.0.1');
  await once(clients[0]!, 'message');
  assert.deepEqual(seen, ['c!']);
  for (const client of [...clients, stranger, echo]) client.close();
  await relay.close();
});
