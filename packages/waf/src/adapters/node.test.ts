import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { test } from 'node:test';
import express from 'express';
import { WebSocketServer } from 'ws';
import { waf as expressWaf } from './express.ts';
import { loadEngine } from './files.ts';
import { waf, wafUpgrade } from './node.ts';

const engine = loadEngine({
  before: `
SecRuleEngine On
SecRequestBodyAccess On
SecResponseBodyAccess On
SecRequestBodyLimit 65536
SecRequestBodyLimitAction ProcessPartial
SecRule ARGS "@contains attack" "id:1,phase:2,deny,status:403"
SecRule RESPONSE_BODY "@contains secret" "id:2,phase:4,deny,status:500"
SecRule REQUEST_URI_RAW "@contains /shop/x" "id:3,phase:1,deny,status:409"
SecRule REMOTE_ADDR "@ipMatch 192.0.2.0/24" "id:4,phase:1,deny,status:410"
SecRule ARGS:drop "@streq 1" "id:5,phase:2,drop"
`,
});

async function withServer(server: Server, use: (open: () => Socket) => Promise<void>): Promise<void> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const sockets: Socket[] = [];
  try {
    await use(() => {
      const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
      socket.on('error', () => {});
      sockets.push(socket);
      return socket;
    });
  } finally {
    for (const socket of sockets) socket.destroy();
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  }
}

/** Everything the server says until `isEnough`, or until it closes. */
async function say(socket: Socket, text: string, isEnough: (text: string) => boolean): Promise<string> {
  socket.write(text, 'latin1');
  let heard = '';
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    heard += chunk.toString('latin1');
    if (isEnough(heard)) break;
  }
  return heard;
}

test('a WebSocket handshake is inspected, its frames flow', async () => {
  const sockets = new WebSocketServer({ noServer: true });
  sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(`echo ${data}`)));
  const server = createServer(() => assert.fail('an upgrade is no request'));
  server.on(
    'upgrade',
    wafUpgrade({ engine }, (request, socket, head) =>
      sockets.handleUpgrade(request, socket, head, (ws) => sockets.emit('connection', ws, request)),
    ),
  );
  await withServer(server, async (open) => {
    const handshake = (path: string) =>
      `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`;
    const socket = open();
    assert.match(await say(socket, handshake('/?q=1'), (text) => text.includes('\r\n\r\n')), /^HTTP\/1\.1 101/);
    // RFC 6455 §5.7: a masked text frame "hi", mask 0.
    assert.match(await say(socket, '\x81\x82\0\0\0\0hi', (text) => text.includes('hi')), /echo hi/);
    assert.match(await say(open(), handshake('/?q=attack'), () => false), /^HTTP\/1\.1 403 Blocked\r\n/);
  });
  for (const client of sockets.clients) client.terminate();
});

test('back-pressure: what the application does not read stays with the client', async () => {
  let received = 0;
  const middleware = waf({ engine });
  const server = createServer((request, response) =>
    middleware(request, response, () => {
      // Never read: only what the limit let the WAF see, and the buffers of both sockets, may be taken.
      request.on('close', () => response.destroy());
    }),
  );
  server.on('connection', (socket) => {
    const timer = setInterval(() => {
      received = socket.bytesRead;
    }, 5);
    socket.on('close', () => clearInterval(timer));
  });
  await withServer(server, async (open) => {
    const socket = open();
    const size = 64 * 1024 * 1024;
    socket.write(`POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\nContent-Length: ${size}\r\n\r\n`);
    const isStuck = socket.write(Buffer.alloc(size)) === false;
    let before = -1;
    while (before !== received || received === 0) {
      before = received;
      await new Promise((later) => setTimeout(later, 100));
    }
    assert.ok(isStuck);
    assert.ok(received > 65_536 && received < 4 * 1024 * 1024, `${received} bytes were read`);
  });
});

test('back-pressure: a download stops when its client does not read', async () => {
  let written = 0;
  let isBlocked: (() => void) | undefined;
  const stalled = new Promise<void>((resolve) => {
    isBlocked = resolve;
  });
  const middleware = waf({ engine });
  const server = createServer((request, response) =>
    middleware(request, response, () => {
      response.setHeader('Content-Type', 'application/octet-stream');
      while (written < 256) {
        written++;
        if (!response.write(Buffer.alloc(1024 * 1024))) {
          isBlocked!();
          return;
        }
      }
    }),
  );
  await withServer(server, async (open) => {
    const socket = open();
    socket.pause();
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await stalled;
    assert.ok(written < 256, `${written} MiB were taken`);
  });
});

test('an application that goes on writing after its response was replaced harms nobody', async () => {
  const applications: Record<string, (response: ServerResponse) => void> = {
    '/written': (response) => {
      response.setHeader('Content-Type', 'text/html');
      response.write('secret');
      response.end('more');
      response.setHeader('X-Late', '1');
    },
    '/large': (response) => {
      response.writeHead(200, { 'Content-Type': 'text/html' });
      // Beyond the response's limit the judgement comes in the middle of the writing.
      for (let i = 0; i < 20; i++) response.write(i === 0 ? 'secret' : Buffer.alloc(60_000, 'a'));
      setImmediate(() => response.end('late'));
    },
  };
  const middleware = waf({ engine });
  const server = createServer((request, response) => middleware(request, response, () => applications[request.url!]!(response)));
  await withServer(server, async (open) => {
    for (const path of Object.keys(applications)) {
      const text = await say(open(), `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`, () => false);
      assert.match(text, /^HTTP\/1\.1 500 [\s\S]*Forbidden\n$/, path);
      assert.doesNotMatch(text, /secret|late|X-Late/i, path);
    }
  });
});

test('a buffer used again after its callback does not change what was written', async () => {
  const middleware = waf({ engine });
  const server = createServer((request, response) =>
    middleware(request, response, () => {
      response.setHeader('Content-Type', 'text/html');
      const buffer = Buffer.from('first ');
      response.write(buffer, () => {
        buffer.write('SECOND');
        response.end();
      });
    }),
  );
  await withServer(server, async (open) => {
    const text = await say(open(), 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', () => false);
    assert.match(text, /first /);
  });
});

test('a drop closes the connection without an answer', async () => {
  const middleware = waf({ engine });
  await withServer(
    createServer((request, response) => middleware(request, response, () => response.end('x'))),
    async (open) => {
      assert.equal(await say(open(), 'GET /?drop=1 HTTP/1.1\r\nHost: x\r\n\r\n', () => false).catch(() => ''), '');
    },
  );
});

test('Express: the whole URL under a mount path, the address behind a trusted proxy, a body that was read before', async () => {
  const app = express();
  app.set('trust proxy', true);
  app.use('/late', express.text(), expressWaf({ engine }), (_request, response) => {
    response.end('never');
  });
  app.use('/shop', expressWaf({ engine }));
  app.use((_request, response) => {
    response.end('ok');
  });
  app.use(((error, _request, response, _next) => response.status(503).end(String(error.message))) as express.ErrorRequestHandler);
  await withServer(createServer(app), async (open) => {
    const get = (path: string, more = '') =>
      say(open(), `GET ${path} HTTP/1.1\r\nHost: x\r\n${more}Connection: close\r\n\r\n`, () => false).then((text) => text.slice(9, 12));
    assert.equal(await get('/shop/x'), '409');
    assert.equal(await get('/shop/y'), '200');
    assert.equal(await get('/shop/y', 'X-Forwarded-For: 192.0.2.9\r\n'), '410');
    const post = 'POST /late HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 8\r\nConnection: close\r\n\r\na=attack';
    assert.match(await say(open(), post, () => false), /^HTTP\/1\.1 503 [\s\S]*before body parsers/);
  });
});

test('a chunked body is inspected however its coding is written (CVE-2013-5705)', async () => {
  const middleware = waf({ engine });
  const server = createServer((request, response) =>
    middleware(request, response, () => request.resume().on('end', () => response.end('ok'))),
  );
  await withServer(server, async (open) => {
    const head = 'POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\n';
    for (const coding of ['chunked', 'Chunked', 'CHUNKED', 'chuNKed ']) {
      const socket = open();
      socket.write(`${head}Transfer-Encoding: ${coding}\r\n\r\n5\r\nq=att\r\n3\r\nack\r\n0\r\n\r\n`);
      let text = '';
      for await (const chunk of socket) text += chunk;
      assert.match(text, /^HTTP\/1\.1 403/, coding);
    }
  });
});
