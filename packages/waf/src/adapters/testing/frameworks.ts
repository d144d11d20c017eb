/** The same small application in every framework. */
import { createHash } from 'node:crypto';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { getRequestListener } from '@hono/node-server';
import express from 'express';
import Fastify from 'fastify';
import { Hono } from 'hono';
import { waf as expressWaf } from '../express.ts';
import { wafPlugin } from '../fastify.ts';
import { waf as honoWaf } from '../hono.ts';
import { waf as nodeWaf } from '../node.ts';
import type { InspectOptions } from '../options.ts';
import { waf as webWaf } from '../web.ts';

/** What all adapters take. */
type CommonOptions = Pick<InspectOptions<unknown>, 'engine' | 'onResult' | 'bodyWorker'>;

export const page = '<p>hello</p>';
/** Each application: `/digest` hashes its body; `/page`, `/secret`, `/leak` and `/events` answer as their names say. */
export const frameworks: Readonly<Record<string, (options: CommonOptions) => Promise<RequestListener>>> = {
  node: async (options) => {
    const middleware = nodeWaf(options);
    return (request, response) => middleware(request, response, () => nodeApplication(request, response));
  },
  express: async (options) => {
    const app = express();
    app.use(expressWaf(options));
    app.post('/digest', express.raw({ type: () => true, limit: '10mb' }), (request, response) => {
      response.json({ digest: digest(request.body), bytes: request.body.length });
    });
    app.use((request, response) => nodeApplication(request, response));
    return app as RequestListener;
  },
  fastify: async (options) => {
    const app = Fastify({ bodyLimit: 10_000_000 });
    app.register(wafPlugin, options);
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
  hono: async (options) => {
    const app = new Hono();
    app.use(honoWaf(options));
    app.all('*', ({ req }) => webApplication(req.raw));
    return getRequestListener(app.fetch);
  },
  web: async (options) => {
    const inspect = webWaf(options);
    const connection = { clientAddress: '127.0.0.1', clientPort: 1, serverAddress: '127.0.0.1', serverPort: 80 };
    return getRequestListener((request) => inspect(request, webApplication, { connection }));
  },
};

export const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

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
