/** Nothing that has come waits for what has not: each piece is sent only when the piece before it was seen on the other side. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { after, before, type TestContext, test } from 'node:test';
import { parseBootstrap, staticResources } from '../config/bootstrap.ts';
import { DataPlane } from '../proxy.ts';
import { allowGetFrom, clientHop, makeIdentities, plainHop, serverHop } from '../testing/mesh-bootstrap.ts';

const planes: DataPlane[] = [];
const application = createServer();
/** Plain, and two hops with mutual TLS between them. */
const ports: Record<string, number> = {};

async function start(config: unknown): Promise<number> {
  const plane = new DataPlane();
  planes.push(plane);
  await plane.apply(staticResources(parseBootstrap(JSON.stringify(config), 'test')));
  return plane.addressOf('main')!.port;
}

before(async () => {
  await once(application.listen(0, '127.0.0.1'), 'listening');
  const options = (upstreamPort: number, statPrefix: string) => ({ listenPort: 0, adminPort: 0, upstreamPort, logPath: '', statPrefix });
  const { port } = application.address() as AddressInfo;
  const [client, server] = await makeIdentities(['client', 'server']);
  ports['plain'] = await start(plainHop(options(port, 'plain'), []));
  const inbound = await start(serverHop(options(port, 'in'), server!, allowGetFrom(client!.uri)));
  ports['mutual TLS'] = await start(clientHop(options(inbound, 'out'), client!, [server!.uri]));
});

after(() => {
  for (const plane of planes) plane.close();
  application.close();
});

/** What has come so far; where chunks end means nothing. */
class Seen {
  #text = '';
  #more = Promise.withResolvers<void>();

  constructor(socket: Socket) {
    socket.on('data', (chunk: Buffer) => {
      this.#text += chunk.toString('latin1');
      this.#more.resolve();
      this.#more = Promise.withResolvers();
    });
  }

  async head(): Promise<void> {
    while (!this.#text.includes('\r\n\r\n')) await this.#more.promise;
  }

  /** @param piece of one character that stands nowhere else */
  async whole(piece: string): Promise<void> {
    while (this.#text.split(piece[0]!).length - 1 < piece.length) await this.#more.promise;
  }
}

async function open(t: TestContext, port: number, request: string) {
  const [[accepted], client] = await Promise.all([
    once(application, 'connection') as Promise<[Socket]>,
    (async () => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true });
      socket.write(request);
      await once(socket, 'connect');
      return socket;
    })(),
  ]);
  for (const socket of [accepted, client]) socket.on('error', () => {});
  t.after(() => {
    accepted.destroy();
    client.destroy();
  });
  return { server: accepted, client, atServer: new Seen(accepted), atClient: new Seen(client) };
}

/** Some are more than a TLS record, or than one read, holds. */
const pieces = ['!', '@'.repeat(17_000), '#', '$'.repeat(70_000), '%'.repeat(100)];
const total = pieces.join('').length;
const bare = (piece: string) => piece;
const chunk = (piece: string) => `${piece.length.toString(16)}\r\n${piece}\r\n`;
const framings = [
  { name: 'announced length', field: `content-length: ${total}\r\n`, render: bare },
  { name: 'chunks', field: 'transfer-encoding: chunked\r\n', render: chunk },
  { name: 'until the connection ends', field: '', render: bare },
];

for (const way of ['plain', 'mutual TLS']) {
  for (const { name, field, render } of framings) {
    test(`answer, ${name}, ${way}`, { timeout: 20_000 }, async (t) => {
      const { server, atServer, atClient } = await open(t, ports[way]!, 'GET /events HTTP/1.1\r\nhost: a\r\n\r\n');
      await atServer.head();
      server.write(`HTTP/1.1 200 OK\r\n${field}\r\n`);
      await atClient.head();
      for (const piece of pieces) {
        server.write(render(piece), 'latin1');
        await atClient.whole(piece);
      }
    });

    if (field !== '') {
      test(`request, ${name}, ${way}`, { timeout: 20_000 }, async (t) => {
        const { client, atServer, atClient, server } = await open(t, ports[way]!, `POST /upload HTTP/1.1\r\nhost: a\r\n${field}\r\n`);
        await atServer.head();
        for (const piece of pieces) {
          client.write(render(piece), 'latin1');
          await atServer.whole(piece);
        }
        if (render === chunk) client.write('0\r\n\r\n');
        server.write('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n&&&&');
        await atClient.whole('&&&&');
      });
    }
  }
}

test('announced length: pieces that come byte by byte make up the message', { timeout: 20_000 }, async (t) => {
  const { server, atServer, atClient } = await open(t, ports['mutual TLS']!, 'GET / HTTP/1.1\r\nhost: a\r\n\r\n');
  await atServer.head();
  const message = `HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n${'~'.repeat(20)}`;
  for (const byte of message) {
    server.write(byte);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await atClient.whole('~'.repeat(20));
});
