/** One suite, every framework, real sockets. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import { getRequestListener } from '@hono/node-server';
import express from 'express';
import Fastify from 'fastify';
import { Hono } from 'hono';
import type { Engine } from '../engine/engine.ts';
import type { TransactionResult } from '../engine/transaction/transaction.ts';
import { waf as expressWaf } from './express.ts';
import { wafPlugin } from './fastify.ts';
import { loadEngine } from './files.ts';
import { waf as honoWaf } from './hono.ts';
import { waf as nodeWaf } from './node.ts';
import { waf as webWaf } from './web.ts';

const rules = (limit: string) => `
SecRuleEngine On
SecRequestBodyAccess On
SecResponseBodyAccess On
${limit}
SecRule ARGS|REQUEST_HEADERS|REQUEST_URI_RAW "@contains attack" "id:1,phase:2,deny,status:403,log,msg:'attack'"
SecRule REQUEST_BODY "@contains attack" "id:2,phase:2,deny,status:403"
SecRule REQUEST_HEADERS:X-Early "@streq 1" "id:3,phase:1,deny,status:406"
SecRule RESPONSE_HEADERS:X-Leak "@streq 1" "id:4,phase:3,deny,status:502"
SecRule RESPONSE_BODY "@contains secret" "id:5,phase:4,deny,status:500"
SecRule REQUEST_HEADERS:X-Away "@streq 1" "id:6,phase:1,redirect:https://example.test/away"
SecRule REQUEST_HEADERS:X-Late "@streq 1" "id:8,phase:4,deny,status:500"
SecRule REMOTE_ADDR "!@ipMatch 127.0.0.1" "id:7,phase:1,deny,status:418"
`;
const engine = loadEngine({ before: rules('') });
const partial = loadEngine({ before: rules('SecRequestBodyLimit 65536\nSecRequestBodyLimitAction ProcessPartial') });
const reject = loadEngine({ before: rules('SecRequestBodyLimit 65536\nSecRequestBodyLimitAction Reject') });

const page = '<p>hello</p>';
type Results = (result: TransactionResult) => void;

/** Each application: `/digest` hashes its body; `/page`, `/secret`, `/leak` and `/events` answer as their names say. */
const frameworks: Record<string, (engine: Engine, onResult: Results) => Promise<RequestListener>> = {
  node: async (engine, onResult) => {
    const middleware = nodeWaf({ engine, onResult });
    return (request, response) => middleware(request, response, () => nodeApplication(request, response));
  },
  express: async (engine, onResult) => {
    const app = express();
    app.use(expressWaf({ engine, onResult }));
    app.post('/digest', express.raw({ type: () => true, limit: '10mb' }), (request, response) => {
      response.json({ digest: digest(request.body), bytes: request.body.length });
    });
    app.use((request, response) => nodeApplication(request, response));
    return app as RequestListener;
  },
  fastify: async (engine, onResult) => {
    const app = Fastify({ bodyLimit: 10_000_000 });
    app.register(wafPlugin, { engine, onResult });
    app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
    app.post('/digest', async (request) => ({ digest: digest(request.body as Buffer), bytes: (request.body as Buffer).length }));
    app.get('/page', async (_request, reply) => reply.type('text/html').send(page));
    app.get('/secret', async (_request, reply) => reply.type('text/html').send(Readable.from(['a se', 'cret page'])));
    app.get('/leak', async (_request, reply) => reply.header('x-leak', '1').send('x'));
    app.get('/events', (request, reply) => {
      reply.hijack();
      nodeApplication(request.raw, reply.raw);
    });
    await app.ready();
    return (request, response) => app.routing(request, response);
  },
  hono: async (engine, onResult) => {
    const app = new Hono();
    app.use(honoWaf({ engine, onResult }));
    app.all('*', ({ req }) => webApplication(req.raw));
    return getRequestListener(app.fetch);
  },
  web: async (engine, onResult) => {
    const inspect = webWaf({ engine, onResult });
    const connection = { clientAddress: '127.0.0.1', clientPort: 1, serverAddress: '127.0.0.1', serverPort: 80 };
    return getRequestListener((request) => inspect(request, webApplication, { connection }));
  },
};

const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

function nodeApplication(request: IncomingMessage, response: ServerResponse): void {
  const path = request.url!.split('?')[0];
  if (path === '/digest') {
    const chunks: Buffer[] = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ digest: digest(body), bytes: body.length }));
    });
  } else if (path === '/events') {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('data: first\n\n');
    const timer = setInterval(() => response.write(': beat\n\n'), 20);
    response.on('close', () => clearInterval(timer));
  } else if (path === '/leak') response.writeHead(200, { 'x-leak': '1' }).end('x');
  else if (path === '/secret') {
    response.writeHead(200, { 'content-type': 'text/html' });
    response.write('a se');
    response.end('cret page');
  } else response.setHeader('content-type', 'text/html').end(page);
}

async function webApplication(request: Request): Promise<Response> {
  const path = new URL(request.url).pathname;
  const html = { headers: { 'content-type': 'text/html' } };
  if (path === '/digest') {
    const body = new Uint8Array(await request.arrayBuffer());
    return Response.json({ digest: digest(body), bytes: body.length });
  }
  if (path === '/leak') return new Response('x', { headers: { 'x-leak': '1' } });
  if (path === '/secret') return new Response(ReadableStream.from([Buffer.from('a se'), Buffer.from('cret page')]), html);
  if (path === '/page') return new Response(page, html);
  let timer: ReturnType<typeof setInterval> | undefined;
  const body = new ReadableStream({
    start(controller) {
      controller.enqueue(Buffer.from('data: first\n\n'));
      timer = setInterval(() => controller.enqueue(Buffer.from(': beat\n\n')), 20);
    },
    cancel: () => clearInterval(timer),
  });
  return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
}

interface Reply {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: string;
}
interface Sent {
  readonly headers?: Record<string, string>;
  readonly chunks?: readonly Uint8Array[];
}
type Send = (path: string, sent?: Sent) => Promise<Reply>;

async function serve(listener: RequestListener, use: (send: Send, port: number) => Promise<void>): Promise<void> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const send: Send = (path, { headers = {}, chunks } = {}) =>
    new Promise((resolve, fail) => {
      const outgoing = httpRequest({ port, host: '127.0.0.1', path, method: chunks ? 'POST' : 'GET', headers }, (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (text) => {
          body += text;
        });
        response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, body }));
        response.on('error', fail);
      });
      outgoing.on('error', fail);
      for (const chunk of chunks ?? []) outgoing.write(chunk);
      outgoing.end();
    });
  try {
    await use(send, port);
  } finally {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  }
}

const form = { 'content-type': 'application/x-www-form-urlencoded' };
const binary = { 'content-type': 'application/octet-stream' };
const status = async (reply: Promise<Reply>) => (await reply).status;

for (const [name, make] of Object.entries(frameworks)) {
  describe(name, () => {
    test('attacks are answered, benign requests pass unchanged', async () => {
      const results: TransactionResult[] = [];
      const listener = await make(engine, (result) => results.push(result));
      await serve(listener, async (send) => {
        const passed = await send('/page?q=hello');
        assert.deepEqual([passed.status, passed.body, passed.headers['content-type']?.toString().split(';')[0]], [200, page, 'text/html']);
        assert.deepEqual(await send('/page?q=attack').then(({ status, body }) => [status, body]), [403, 'Forbidden\n']);
        assert.equal(await status(send('/no-such-route?q=attack')), 403);
        assert.equal(await status(send('/digest', { headers: form, chunks: [Buffer.from('a=1&b=att'), Buffer.from('ack')] })), 403);
        assert.equal(await status(send('/page', { headers: { 'x-early': '1' } })), 406);
        const away = await send('/page', { headers: { 'x-away': '1' } });
        assert.deepEqual([away.status, away.headers['location']], [302, 'https://example.test/away']);
        // Response phases: the head, and a body that arrives in two parts.
        assert.equal(await status(send('/leak')), 502);
        const secret = await send('/secret');
        assert.deepEqual([secret.status, secret.body.includes('cret')], [500, false]);
        assert.equal((await send('/page')).body, page);
      });
      assert.deepEqual(
        results.map((result) => result.interruption?.ruleId),
        [undefined, 1, 1, 1, 3, 6, 4, 5, undefined],
      );
    });

    test('a response that is not held back is past stopping in phase 4: told, not done', async () => {
      const results: TransactionResult[] = [];
      const listener = await make(engine, (result) => results.push(result));
      await serve(listener, async (send) => {
        const late = { ...binary, 'x-late': '1' };
        assert.equal(await status(send('/digest', { headers: late, chunks: [Buffer.from('a')] })), 200);
        while (results.length === 0) await new Promise(setImmediate);
      });
      assert.deepEqual([results[0]!.interruption, results[0]!.detected?.ruleId], [undefined, 8]);
    });

    test('bodies reach the application byte for byte, inspected or beyond the limit', async () => {
      const bytes = randomBytes(700_001);
      const chunks = [0, 1, 2, 65_536, 65_537, 300_000].map((from, index, all) => bytes.subarray(from, all[index + 1] ?? bytes.length));
      for (const inForce of [engine, partial]) {
        await serve(await make(inForce, () => {}), async (send) => {
          for (const sent of [chunks, [bytes], [bytes.subarray(0, 3)], [Buffer.alloc(0)]]) {
            const whole = Buffer.concat(sent);
            for (const headers of [binary, { ...binary, 'content-length': String(whole.length) }]) {
              const reply = await send('/digest', { headers, chunks: sent });
              assert.deepEqual([reply.status, JSON.parse(reply.body)], [200, { digest: digest(whole), bytes: whole.length }]);
            }
          }
        });
      }
    });

    test('a body over the limit is refused when the limit says Reject', async () => {
      await serve(await make(reject, () => {}), async (send) => {
        assert.equal(await status(send('/digest', { headers: form, chunks: [Buffer.alloc(66_000, 'a')] })), 413);
        assert.equal(await status(send('/digest', { headers: form, chunks: [Buffer.alloc(65_536, 'a')] })), 200);
      });
    });

    test('server-sent events are not held back', async () => {
      await serve(await make(engine, () => {}), async (_send, port) => {
        const socket = connect(port, '127.0.0.1');
        socket.write('GET /events HTTP/1.1\r\nHost: x\r\n\r\n');
        let text = '';
        for await (const chunk of socket) {
          text += chunk;
          if (text.includes('data: first') && text.includes(': beat')) break;
        }
        assert.match(text, /^HTTP\/1\.1 200/);
      });
    });

    test('requests on one connection, one behind the other, each have their own verdict', async () => {
      await serve(await make(engine, () => {}), async (_send, port) => {
        const socket = connect(port, '127.0.0.1');
        const post = (body: string) =>
          `POST /digest HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
        socket.write(`${post('a=1')}${post('a=22')}GET /page?q=attack HTTP/1.1\r\nHost: x\r\n\r\n`);
        let text = '';
        for await (const chunk of socket) {
          text += chunk;
          if (text.includes('Forbidden')) break;
        }
        assert.deepEqual(text.match(/HTTP\/1\.1 \d+/g), ['HTTP/1.1 200', 'HTTP/1.1 200', 'HTTP/1.1 403']);
        assert.deepEqual(text.match(/"bytes":\d+/g), ['"bytes":3', '"bytes":4']);
      });
    });
  });
}

test('Web and Hono: a body that was read before is an error, not a pass', async () => {
  const request = new Request('http://x.test/', { method: 'POST', body: 'q=attack', headers: form });
  await request.text();
  await assert.rejects(
    webWaf({ engine, clientAddress: () => '127.0.0.1' })(request, () => assert.fail('it is not handled')),
    /was read before/,
  );
  const app = new Hono();
  app.use(async (context, next) => {
    await context.req.text();
    await next();
  });
  app.use(honoWaf({ engine }));
  app.post('/', async (context) => context.text(await context.req.text()));
  app.onError((error, context) => context.text(error.message, 500));
  await serve(getRequestListener(app.fetch), async (send) => {
    const reply = await send('/', { headers: form, chunks: [Buffer.from('q=attack')] });
    assert.deepEqual([reply.status, reply.body.includes('attack')], [500, false]);
  });
});
