/** Rules that change bodies, in every framework over real sockets. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Transaction } from '../engine/transaction/transaction.ts';
import { BodyWorker } from './body-worker.ts';
import { loadEngine } from './files.ts';
import { digest, frameworks, page } from './testing/frameworks.ts';
import { serve } from './testing/serve.ts';

const rules = `
SecRuleEngine On
SecRequestBodyAccess On
SecResponseBodyAccess On
SecContentInjection On
SecStreamInBodyInspection On
SecStreamOutBodyInspection On
SecRequestBodyLimit 300000
SecRequestBodyLimitAction ProcessPartial
SecRule RESPONSE_HEADERS:Content-Type "@beginsWith text/html" "id:1,phase:3,nolog,pass,prepend:'<!-- %{REQUEST_METHOD} -->'"
SecRule RESPONSE_BODY "@contains hello" "id:2,phase:4,nolog,pass,append:'<!-- the end -->'"
SecRule STREAM_OUTPUT_BODY "@rsub s/H(EL+)O/j\\1y/i" "id:3,phase:4,nolog,pass"
SecRule STREAM_OUTPUT_BODY "@contains jelly" "id:4,phase:4,nolog,pass,setvar:tx.seen=1"
SecRule STREAM_INPUT_BODY "@rsub s/card=\\d+/card=none/" "id:5,phase:2,nolog,pass"
SecRule REQUEST_HEADERS:X-Streamed "@streq 1" "id:6,phase:3,nolog,pass,prepend:'[',append:']'"
SecRule TX:seen "!@streq 1" "id:7,phase:5,log,pass"
`;
const engine = loadEngine({ before: rules });
const form = { 'content-type': 'application/x-www-form-urlencoded' };

for (const [name, make] of Object.entries(frameworks)) {
  describe(name, () => {
    test('responses: what rules put before, behind and inside; fields that tell of the old bytes are gone', async () => {
      const seen: number[][] = [];
      const onResult: Parameters<typeof make>[0]['onResult'] = ({ matched }) => seen.push(matched.map(({ id }) => id));
      await serve(await make({ engine, onResult }), async (send) => {
        const { body, headers } = await send('/page');
        assert.equal(body, `<!-- GET -->${page.replace('hello', 'jelly')}<!-- the end -->`);
        assert.deepEqual([headers['content-length'], headers['etag']], [undefined, undefined]);
        assert.deepEqual(seen, [[]], 'a rule behind the substitution sees its result');
        // Not held back: streamed, with what phase 3 asked for.
        const streamed = await send('/digest', { headers: { ...form, 'x-streamed': '1' }, chunks: [Buffer.from('a=1')] });
        assert.match(streamed.body, /^\[\{"digest":"[0-9a-f]{64}","bytes":3\}\]$/);
        const head = await send('/page', { method: 'HEAD' });
        assert.deepEqual([head.status, head.body], [200, '']);
      });
    });

    test('requests: the application gets the rewritten body with its length, from the thread too', async (t) => {
      const bodyWorker = new BodyWorker({ before: rules });
      t.after(() => bodyWorker.close());
      assert.equal(await bodyWorker.ready(), true);
      const adopted = t.mock.method(Transaction.prototype, 'adoptRequest');
      await serve(await make({ engine, bodyWorker }), async (send) => {
        const long = `${'text=lorem+ipsum+&'.repeat(8000)}card=4111111111111111`;
        for (const [sent, wanted] of [
          ['card=4111&name=x', 'card=none&name=x'],
          ['name=x', 'name=x'],
          [long, long.replace(/card=.*/, 'card=none')],
        ] as const)
          for (const length of [{}, { 'content-length': String(sent.length) }]) {
            const { body } = await send('/digest', { headers: { ...form, ...length }, chunks: [Buffer.from(sent)] });
            assert.deepEqual(JSON.parse(body), { digest: digest(Buffer.from(wanted)), bytes: wanted.length }, sent.slice(0, 20));
          }
        // Seen in part, it stays as it came.
        const tooLong = `card=1&${'a'.repeat(400_000)}`;
        const { body } = await send('/digest', { headers: form, chunks: [Buffer.from(tooLong)] });
        assert.equal(JSON.parse(body).digest, digest(Buffer.from(tooLong)));
      });
      assert.equal(adopted.mock.callCount(), 3);
    });
  });
}
