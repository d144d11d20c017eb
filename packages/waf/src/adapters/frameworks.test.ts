/** One suite, every framework, real sockets. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import type { TransactionResult } from '../engine/transaction/transaction.ts';
import { loadEngine } from './files.ts';
import { waf as honoWaf } from './hono.ts';
import { digest, frameworks, page } from './testing/frameworks.ts';
import { type Reply, serve } from './testing/serve.ts';
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

const form = { 'content-type': 'application/x-www-form-urlencoded' };
const binary = { 'content-type': 'application/octet-stream' };
const status = async (reply: Promise<Reply>) => (await reply).status;

for (const [name, make] of Object.entries(frameworks)) {
  describe(name, () => {
    test('attacks are answered, benign requests pass unchanged', async () => {
      const results: TransactionResult[] = [];
      const listener = await make({ engine, onResult: (result) => results.push(result) });
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
      const listener = await make({ engine, onResult: (result) => results.push(result) });
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
        await serve(await make({ engine: inForce }), async (send) => {
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
      await serve(await make({ engine: reject }), async (send) => {
        assert.equal(await status(send('/digest', { headers: form, chunks: [Buffer.alloc(66_000, 'a')] })), 413);
        assert.equal(await status(send('/digest', { headers: form, chunks: [Buffer.alloc(65_536, 'a')] })), 200);
      });
    });

    test('server-sent events are not held back', async () => {
      await serve(await make({ engine }), async (_send, port) => {
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
      await serve(await make({ engine }), async (_send, port) => {
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
