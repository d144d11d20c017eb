import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { after, before, describe, it } from 'node:test';
import { flow } from './fixtures.ts';
import { createFlowHandler } from './handler.ts';
import { FlowRing } from './ring.ts';

const base = '/apis/observe.palisade.dev/v1alpha1';
const nowMs = () => Date.parse('2026-01-01T00:01:00Z');

describe('createFlowHandler', () => {
  const ring = new FlowRing({ followerCapacity: 5 });
  const handler = createFlowHandler(ring, nowMs);
  const server = http.createServer((req, res) => handler(req, res, { username: 'test' }));
  let origin = '';

  before(async () => {
    ring.add(flow({ port: 1, second: 1 }));
    ring.add(flow({ port: 2, second: 50, verdict: 'DROPPED' }));
    ring.add(flow({ port: 3, second: 55, from: 'web' }));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });

  const ask = async (path: string, method = 'GET') => {
    const answer = await fetch(`${origin}${path}`, { method });
    return { code: answer.status, text: await answer.text() };
  };
  const portsOf = (text: string) =>
    text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line).destination.port);

  const queries: readonly (readonly [query: string, ports: readonly number[]])[] = [
    ['', [1, 2, 3]],
    ['?last=2', [2, 3]],
    ['?last=0', []],
    ['?verdict=dropped', [2]],
    ['?since=15s', [2, 3]],
    ['?since=2026-01-01T00:00:55Z', [3]],
    ['?from=auth&to=default/db', [1, 2]],
    ['?from=default/web-x', [3]],
    ['?namespace=other', []],
    ['?port=3&protocol=tcp', [3]],
    ['?verdict=&last=1', [3]],
  ];
  for (const [query, ports] of queries) {
    it(`GET flows${query}`, async () => {
      const { code, text } = await ask(`${base}/flows${query}`);
      assert.equal(code, 200);
      assert.deepEqual(portsOf(text), ports);
    });
  }

  const refusals: readonly (readonly [path: string, code: number, message: RegExp, method?: string])[] = [
    [`${base}/flows?verdict=LOST`, 400, /Cannot use verdict .*DROPPED/],
    [`${base}/flows?since=yesterday`, 400, /Cannot use since/],
    [`${base}/flows?last=-1`, 400, /Cannot use last/],
    [`${base}/flows?port=80x`, 400, /Cannot use port/],
    [`${base}/flows?follow=1`, 400, /Cannot use follow/],
    [`${base}/flows?colour=red`, 400, /Cannot use parameter/],
    [`${base}/flows?last=1&last=2`, 400, /given twice/],
    [`${base}/flows`, 405, /only be read/, 'POST'],
    [`${base}/pods`, 404, /could not find/],
    [`${base}/x/flows`, 404, /could not find/],
  ];
  for (const [path, code, message, method] of refusals) {
    it(`${method ?? 'GET'} ${path.slice(base.length)} is refused`, async () => {
      const answer = await ask(path, method);
      assert.equal(answer.code, code);
      const status = JSON.parse(answer.text);
      assert.equal(status.kind, 'Status');
      assert.match(status.message, message);
    });
  }

  it('GET edges sums up what the filter lets through', async () => {
    const { edges } = JSON.parse((await ask(`${base}/edges?from=auth`)).text);
    assert.deepEqual(
      edges.map((edge: { verdicts: unknown }) => edge.verdicts),
      [{ FORWARDED: 1, DROPPED: 1 }],
    );
  });

  it('lists no resources for discovery', async () => {
    assert.deepEqual(JSON.parse((await ask(base)).text).resources, []);
  });

  it('follow: history, then what comes, without gap or repetition; lost records are named', async () => {
    const request = http.get(`${origin}${base}/flows?follow=true&last=1`);
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    const lines = createInterface({ input: response })[Symbol.asyncIterator]();
    const next = async () => JSON.parse((await lines.next()).value ?? 'null');
    assert.equal((await next()).destination.port, 3);
    for (let port = 10; port < 18; port++) ring.add(flow({ port }));
    for (let port = 10; port < 15; port++) assert.equal((await next()).destination.port, port);
    assert.deepEqual(await next(), { lost: 3 });
    ring.add(flow({ port: 20 }));
    assert.equal((await next()).destination.port, 20);
    request.destroy();
  });
});
