import assert from 'node:assert/strict';
import { once } from 'node:events';
import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { isStatusError } from '../status.ts';
import { PatchType } from './api-client.ts';
import { createHttpClient, type HttpApiClient } from './http-client.ts';

const pods = { group: '', version: 'v1', resource: 'pods' };
const deployments = { group: 'apps', version: 'v1', resource: 'deployments' };

interface Seen {
  line: string;
  type: string | undefined;
  body: string;
}

async function withServer(
  answer: (req: http.IncomingMessage, res: http.ServerResponse) => void,
  run: (client: HttpApiClient, seen: Seen[], server: http.Server) => Promise<void>,
): Promise<void> {
  const seen: Seen[] = [];
  const server = http.createServer(async (req, res) => {
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk as Buffer);
    seen.push({ line: `${req.method} ${req.url}`, type: req.headers['content-type'], body: Buffer.concat(chunks).toString() });
    answer(req, res);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = createHttpClient({
    server: `http://127.0.0.1:${(server.address() as AddressInfo).port}/base`,
    namespace: 'default',
    insecureSkipTlsVerify: false,
    token: 'secret',
  });
  try {
    await run(client, seen, server);
  } finally {
    client.close();
    server.closeAllConnections();
    server.close();
  }
}

test('items of a list that do not say what they are get it from the list', async () => {
  const items = [{ metadata: { name: 'a' } }, { apiVersion: 'x/v1', kind: 'X', metadata: { name: 'b' } }];
  await withServer(
    (_, res) => res.end(JSON.stringify({ apiVersion: 'apps/v1', kind: 'DeploymentList', metadata: {}, items })),
    async (client) => {
      const listed = (await client.list(deployments)).items.map(({ apiVersion, kind }) => `${apiVersion} ${kind}`);
      assert.deepEqual(listed, ['apps/v1 Deployment', 'x/v1 X']);
    },
  );
});

test('each verb is the request the API conventions ask for', async () => {
  await withServer(
    (req, res) => {
      assert.equal(req.headers.authorization, undefined, 'a token never travels without TLS');
      res.end('{"kind":"Status","status":"Success"}');
    },
    async (client, seen) => {
      const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a', namespace: 'n' } };
      await client.get(pods, { namespace: 'n', name: 'a' }, 'status');
      await client.list(pods, { labelSelector: 'a in (b,c)', limit: 5, continue: 'x=' });
      await client.list(deployments, { namespace: 'n', fieldSelector: 'metadata.name=a' });
      await client.create(pods, pod, undefined, { fieldManager: 'me', dryRun: true });
      await client.create(
        pods,
        { apiVersion: 'v1', kind: 'Binding', metadata: {} },
        { namespace: 'n', name: 'a' },
        { subresource: 'binding' },
      );
      await client.update(pods, pod, { subresource: 'status' });
      await client.patch(deployments, { namespace: 'n', name: 'a' }, PatchType.strategic, { spec: {} });
      await client.delete(pods, { namespace: 'n', name: 'a' }, { gracePeriodSeconds: 0, propagationPolicy: 'Foreground' });
      assert.deepEqual(
        seen.map(({ line, type }) => `${line} ${type ?? '-'}`),
        [
          'GET /base/api/v1/namespaces/n/pods/a/status -',
          'GET /base/api/v1/pods?labelSelector=a+in+%28b%2Cc%29&limit=5&continue=x%3D -',
          'GET /base/apis/apps/v1/namespaces/n/deployments?fieldSelector=metadata.name%3Da -',
          'POST /base/api/v1/namespaces/n/pods?fieldManager=me&dryRun=All application/json',
          'POST /base/api/v1/namespaces/n/pods/a/binding application/json',
          'PUT /base/api/v1/namespaces/n/pods/a/status application/json',
          'PATCH /base/apis/apps/v1/namespaces/n/deployments/a application/strategic-merge-patch+json',
          'DELETE /base/api/v1/namespaces/n/pods/a application/json',
        ],
      );
      assert.deepEqual(JSON.parse(seen.at(-1)!.body), {
        kind: 'DeleteOptions',
        apiVersion: 'v1',
        gracePeriodSeconds: 0,
        propagationPolicy: 'Foreground',
      });
    },
  );
});

test('failures carry the server Status, or one made from what came instead', async () => {
  const answers: [number, string][] = [
    [
      404,
      '{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"pods \\"a\\" not found","reason":"NotFound","code":404}',
    ],
    [404, '404 page not found\n'],
    [502, '<html>bad gateway</html>'],
  ];
  await withServer(
    (_req, res) => {
      const [code, text] = answers.shift()!;
      res.writeHead(code).end(text);
    },
    async (client) => {
      const wanted: [number, string, string][] = [
        [404, 'NotFound', 'pods "a" not found'],
        [404, 'NotFound', 'GET /api/v1/namespaces/n/pods/a: server answered 404: 404 page not found'],
        [502, '', 'GET /api/v1/namespaces/n/pods/a: server answered 502: <html>bad gateway</html>'],
      ];
      for (const [code, reason, message] of wanted) {
        await assert.rejects(client.get(pods, { namespace: 'n', name: 'a' }), (error) => {
          assert.ok(isStatusError(error));
          assert.deepEqual([error.code, error.reason, error.message], [code, reason, message]);
          return true;
        });
      }
    },
  );
});

test('a watch yields events as they come, ends with the server and with its signal, and throws on a broken connection', async () => {
  let running: http.ServerResponse | undefined;
  await withServer(
    (_req, res) => {
      running = res;
      res.writeHead(200, { 'content-type': 'application/json' });
      res.write('{"type":"ADDED","object":{"metadata":{"name":"a"}}}\n{"type":"MODI');
      setImmediate(() => res.write('FIED","object":{"metadata":{"name":"b"}}}\n'));
    },
    async (client, seen) => {
      const collect = async (signal: AbortSignal | undefined, onSecond: () => void) => {
        const names: string[] = [];
        for await (const event of client.watch(pods, {
          resourceVersion: '7',
          allowWatchBookmarks: true,
          timeoutSeconds: 9,
          ...(signal ? { signal } : {}),
        })) {
          names.push(`${event.type} ${(event.object.metadata as { name: string }).name}`);
          if (names.length === 2) onSecond();
        }
        return names;
      };
      assert.deepEqual(await collect(undefined, () => running?.end()), ['ADDED a', 'MODIFIED b']);
      assert.equal(seen[0]!.line, 'GET /base/api/v1/pods?resourceVersion=7&watch=true&allowWatchBookmarks=true&timeoutSeconds=9');
      const stop = new AbortController();
      assert.deepEqual(await collect(stop.signal, () => stop.abort()), ['ADDED a', 'MODIFIED b']);
      await assert.rejects(
        collect(undefined, () => running?.destroy()),
        /aborted|terminated|reset/i,
      );
    },
  );
});

test('request() streams an answer of any status', async () => {
  await withServer(
    (_req, res) => res.writeHead(418).end('short'),
    async (client) => {
      const answer = await client.request({ path: '/apis/x', query: { follow: 'true' } });
      assert.equal(answer.status, 418);
      assert.equal(String(await answer.body.toArray()), 'short');
    },
  );
});

test('a connection that the server closed while idle is replaced, for requests that may be repeated', async () => {
  const answered: string[] = [];
  await withServer(
    (req, res) => {
      answered.push(String(req.method));
      // Every second request meets a server that has just hung up.
      if (answered.length % 2 === 0) req.socket.destroy();
      else res.end('{}');
    },
    async (client) => {
      await client.get(pods, { name: 'a' });
      await client.get(pods, { name: 'a' });
      assert.deepEqual(answered, ['GET', 'GET', 'GET']);
      await assert.rejects(client.create(pods, { apiVersion: 'v1', kind: 'Pod', metadata: {} }), /socket hang up|ECONNRESET/);
      assert.deepEqual(answered, ['GET', 'GET', 'GET', 'POST'], 'a POST might be made twice');
    },
  );
});
