import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mock, test } from 'node:test';
import type { Engine } from '../engine/engine.ts';
import type { TransactionResult } from '../engine/transaction/transaction.ts';
import { Transaction } from '../engine/transaction/transaction.ts';
import { BodyWorker } from './body-worker.ts';
import { loadEngine } from './files.ts';
import { waf } from './node.ts';
import { digest, frameworks } from './testing/frameworks.ts';
import { serve } from './testing/serve.ts';

const rules = (word: string): string => `
SecRuleEngine On
SecRequestBodyAccess On
SecResponseBodyAccess On
SecResponseBodyMimeType text/plain
SecAction "id:1,phase:1,nolog,pass,initcol:ip=%{REMOTE_ADDR},setvar:tx.seen=head,ctl:ruleRemoveTargetById=4;ARGS:excused,ctl:ruleRemoveById=5"
SecRule ARGS:text "@rx (?i)${word}" "id:2,phase:2,deny,status:403,msg:'%{TX.seen}',t:lowercase"
SecRule ARGS_POST:mark "@rx ^m(.*)$" "id:3,phase:2,pass,capture,setvar:tx.mark=%{TX.1},setvar:ip.marks=+1"
SecRule ARGS "@contains trap" "id:4,phase:2,deny,status:406"
SecRule ARGS "@rx ." "id:5,phase:2,deny,status:500"
SecRule &ARGS "@eq 3" "id:6,phase:2,pass"
SecRule RESPONSE_BODY "@rx ^ok" "id:7,phase:4,pass,chain"
SecRule TX:mark "@streq ark" "setvar:tx.both=1"
SecRule IP:marks "@ge 2" "id:8,phase:5,pass"
`;

/** Verdicts taken from a thread. */
const adopted = mock.method(Transaction.prototype, 'adoptRequest').mock;

async function withServer(
  bodyWorker: BodyWorker | undefined,
  use: (send: (body: string) => Promise<{ status: number; text: string; result: TransactionResult }>) => Promise<void>,
  engine = loadEngine({ before: rules('attack') }),
): Promise<void> {
  const results: TransactionResult[] = [];
  const middleware = waf({ engine, ...(bodyWorker ? { bodyWorker } : {}), onResult: (result) => results.push(result), now: () => 1000 });
  const server = createServer((incoming, response) =>
    middleware(incoming, response, async () => {
      let length = 0;
      for await (const chunk of incoming) length += (chunk as Buffer).length;
      response.writeHead(200, { 'Content-Type': 'text/plain' }).end(`ok ${length}`);
    }),
  ).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  try {
    await use(async (body) => {
      const headers = { 'Content-Type': 'application/x-www-form-urlencoded', 'Content-Length': body.length };
      const outgoing = request({ port, method: 'POST', path: '/', headers }).end(body);
      const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
      let text = '';
      for await (const chunk of response) text += chunk;
      while (results.length === 0) await new Promise(setImmediate);
      return { status: response.statusCode!, text, result: results.pop()! };
    });
  } finally {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  }
}

const filler = 'lorem+ipsum+'.repeat(8000);
const bodies = [
  `text=${filler}&mark=mark&excused=trap`,
  `text=${filler}ATTACK&mark=mark`,
  `text=${filler}&other=trap`,
  `mark=mark&a=1&text=${filler}`,
];

test('a long body is judged in its thread as it is in the event loop, and what comes after knows it', async () => {
  const seen: unknown[] = [];
  const run = async (bodyWorker: BodyWorker | undefined) => {
    const all: unknown[] = [];
    await withServer(bodyWorker, async (send) => {
      for (const body of bodies) {
        const { status, text, result } = await send(body);
        all.push([status, text, result.interruption, result.matched.map((rule) => [rule.id, rule.message, rule.variables.length])]);
      }
    });
    seen.push(all);
  };
  const worker = new BodyWorker({ before: rules('attack') });
  try {
    assert.equal(await worker.ready(), true);
    await run(undefined);
    adopted.resetCalls();
    await run(worker);
    assert.equal(adopted.callCount(), bodies.length);
  } finally {
    worker.close();
  }
  assert.deepEqual(seen[1], seen[0]);
  const [first, second, third, last] = seen[0] as [number, string, unknown, [number, ...unknown[]][]][];
  assert.deepEqual([first![0], first![1]], [200, `ok ${bodies[0]!.length}`]);
  assert.deepEqual([second![0], third![0], last![0]], [403, 406, 200]);
  assert.deepEqual(
    last![3].map(([id]) => id),
    [3, 6, 7, 8],
  );
});

function withBody(engine: Engine, body: string): Transaction {
  const connection = { clientAddress: '192.0.2.1', clientPort: 1, serverAddress: '192.0.2.2', serverPort: 80 };
  const transaction = engine.transaction({ id: 'x', now: () => 0, connection });
  const headers = [['Content-Type', 'application/x-www-form-urlencoded']] as const;
  transaction.requestHeaders({ method: 'POST', uri: '/', protocol: 'HTTP/1.1', headers });
  transaction.requestBodyChunk(Buffer.from(body));
  return transaction;
}

test('a verdict that comes when the client has gone changes nothing of what was told', () => {
  const engine = loadEngine({ before: rules('attack') });
  const transaction = withBody(engine, bodies[1]!);
  const there = withBody(engine, '');
  there.importRequest(transaction.exportRequest());
  assert.equal(there.requestBody()?.status, 403);
  const result = transaction.finish();
  assert.equal(transaction.adoptRequest(there.exportRequest().state), undefined);
  assert.equal(transaction.requestBody(), undefined);
  assert.deepEqual([result.matched, transaction.finish().interruption], [[], undefined]);
});

test('a thread that fails, or has other rules, decides nothing', async () => {
  adopted.resetCalls();
  for (const [source, starts] of [
    [{ before: 'SecRule NONSENSE "x"' }, false],
    [{ before: rules('somethingelse') }, true],
    [{ before: rules('attack').replace('ARGS:text', 'ARGS:other') }, true],
    [{ before: `SecDefaultAction "phase:2,pass,t:removeWhitespace"\n${rules('attack')}` }, true],
    [{ before: `${rules('attack')}\nSecArgumentsLimit 1` }, true],
  ] as const) {
    const worker = new BodyWorker(source);
    try {
      assert.equal(await worker.ready(), starts);
      await withServer(worker, async (send) => {
        assert.equal((await send(bodies[1]!)).status, 403);
        assert.equal((await send(bodies[0]!)).status, 200);
      });
    } finally {
      worker.close();
    }
  }
  assert.equal(adopted.callCount(), 0);
});

test('a short body starts no thread', async () => {
  const worker = new BodyWorker({ before: 'SecRule NONSENSE "x"' });
  await withServer(worker, async (send) => {
    const { result } = await send('text=short&mark=mark');
    assert.deepEqual(
      result.matched.map(({ id }) => id),
      [3, 7],
    );
  });
  worker.close();
});

test('what a thread does not have is not guessed: collections that a body asks for, other data, uploads', async () => {
  const counting = `${rules('attack')}
SecAction "id:20,phase:2,nolog,pass,initcol:global=all,setvar:global.seen=+1"
SecRule GLOBAL:seen "@ge 2" "id:21,phase:2,deny,status:429"`;
  const worker = new BodyWorker({ before: counting });
  try {
    assert.equal(await worker.ready(), true);
    await withServer(
      worker,
      async (send) => {
        assert.equal((await send(bodies[0]!)).status, 200);
        assert.equal((await send(bodies[0]!)).status, 429);
      },
      loadEngine({ before: counting }),
    );
    const wants = (engine: Engine) => worker.wants(withBody(engine, bodies[0]!));
    assert.equal(wants(loadEngine({ before: counting })), true);
    assert.equal(wants(loadEngine({ before: counting }, { geo: () => undefined })), false);
    assert.equal(wants(loadEngine({ before: counting }, { regexStepBudget: 7 })), false);
    assert.equal(wants(loadEngine({ before: `${counting}\nSecUploadKeepFiles On` })), false);
  } finally {
    worker.close();
  }
});

for (const [name, make] of Object.entries(frameworks)) {
  test(`${name}: a long body is judged in the thread while other requests are answered, and the application gets it whole`, async (t) => {
    const worker = new BodyWorker({ before: rules('attack') });
    t.after(() => worker.close());
    assert.equal(await worker.ready(), true);
    // The verdict is held back until the other request has its answer.
    const gate = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    const { judge } = worker;
    t.mock.method(worker, 'judge', async (transaction: Transaction) => {
      asked.resolve();
      const verdict = await judge.call(worker, transaction);
      await gate.promise;
      return verdict;
    });
    const judgedHere: number[] = [];
    const { requestBody } = Transaction.prototype;
    t.mock.method(Transaction.prototype, 'requestBody', function (this: Transaction) {
      judgedHere.push(this.requestBytes);
      return requestBody.call(this);
    });
    const listener = await make({ engine: loadEngine({ before: rules('attack') }), bodyWorker: worker });
    await serve(listener, async (send) => {
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      const whole = Buffer.from(bodies[0]!);
      const long = send('/digest', { headers, chunks: [whole.subarray(0, 50_000), whole.subarray(50_000)] });
      await Promise.race([asked.promise, long]);
      assert.equal((await send('/page')).status, 200);
      assert.equal((await send('/digest', { headers, chunks: [Buffer.from('text=attack')] })).status, 403);
      gate.resolve();
      assert.deepEqual(JSON.parse((await long).body), { digest: digest(whole), bytes: whole.length });
      assert.equal((await send('/digest', { headers, chunks: [Buffer.from(bodies[1]!)] })).status, 403);
    });
    assert.deepEqual(judgedHere, [0, 'text=attack'.length], 'bytes of the bodies judged in the event loop');
  });
}
