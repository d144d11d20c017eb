import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { Agent, createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import type { Engine } from '../engine/engine.ts';
import { loadEngine } from './files.ts';
import { waf } from './node.ts';

const RELOADS = 1000;
const IN_FLIGHT = 8;

/** Rules of every costly kind; each generation refuses its own word. */
const rulesOf = (generation: number): string => `
SecRuleEngine On
SecRequestBodyAccess On
${Array.from({ length: 30 }, (_, i) => `SecRule ARGS|REQUEST_HEADERS "@rx (?i)word${i}\\s+(?:a|b)+${generation % 7}" "id:${i + 10},phase:2,deny,t:none,t:urlDecodeUni,t:lowercase"`).join('\n')}
SecRule ARGS "@pm attack${generation} other more" "id:1,phase:2,deny,status:403"
SecRule ARGS "@detectSQLi" "id:2,phase:2,deny,status:403"
`;

test('a thousand reloads under traffic lose no request and let no attack through', async () => {
  let engine: Engine = loadEngine({ before: rulesOf(0) });
  const middleware = waf({ engine: () => engine });
  const server = createServer((request, response) => middleware(request, response, () => response.end('ok'))).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const agent = new Agent({ keepAlive: true, maxSockets: IN_FLIGHT });
  const status = (path: string): Promise<number> =>
    new Promise((resolve, reject) =>
      get({ port, path, agent }, (response) => response.resume().on('end', () => resolve(response.statusCode!))).on('error', reject),
    );
  let isDone = false;
  const counts = new Map<string, number>();
  const client = async (index: number): Promise<void> => {
    while (!isDone) {
      const isAttack = index % 2 === 1;
      const key = `${isAttack ? 'attack' : 'benign'} ${await status(isAttack ? "/?q=1'+or+'1'='1" : '/?q=hello')}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  };
  const clients = Array.from({ length: IN_FLIGHT }, (_, index) => client(index));
  for (let generation = 1; generation <= RELOADS; generation++) {
    engine = loadEngine({ before: rulesOf(generation) });
    await new Promise(setImmediate);
  }
  isDone = true;
  await Promise.all(clients);
  assert.equal(await status(`/?q=attack${RELOADS}`), 403);
  agent.destroy();
  await new Promise((closed) => server.close(closed));
  assert.deepEqual([...counts.keys()].sort(), ['attack 403', 'benign 200']);
});

test('a thousand reloads leave no memory behind', () => {
  const script = `
    import { loadEngine } from ${JSON.stringify(new URL('files.ts', import.meta.url).href)};
    const rulesOf = ${rulesOf.toString()};
    const connection = { clientAddress: '', clientPort: 0, serverAddress: '', serverPort: 0 };
    const reload = (generation) => {
      const transaction = loadEngine({ before: rulesOf(generation) }).transaction({ id: 'x', now: () => 0, connection });
      transaction.requestHeaders({ method: 'GET', uri: '/?q=word1+b&r=' + generation, protocol: 'HTTP/1.1', headers: [] });
      transaction.requestBody();
      transaction.finish();
    };
    const heap = () => { gc(); return process.memoryUsage().heapUsed; };
    for (let i = 0; i < 200; i++) reload(i);
    const before = heap();
    for (let i = 0; i < ${RELOADS}; i++) reload(i);
    console.log(Math.round((heap() - before) / 1024));`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--expose-gc', '--input-type=module', '-e', script], { encoding: 'utf8' });
  // One kept engine of these rules is about 300 KB; a thousand would be 300 MB.
  assert.ok(Number(stdout) < 3000, `the heap grew by ${stdout.trim()} KB ${stderr}`);
});
