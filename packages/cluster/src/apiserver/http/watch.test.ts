import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { after, test } from 'node:test';
import { CORE, configMap, type Harness, startHarness } from '../testing/harness.ts';

const harness: Harness = await startHarness();
after(() => harness[Symbol.asyncDispose]());
const { client, fetch } = harness;

interface WatchLine {
  type: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into wire objects
  object: any;
}

/** Lines of a watch until `enough` says so. */
function watchLines(path: string, enough: (events: WatchLine[]) => boolean, headers = {}): Promise<WatchLine[]> {
  return new Promise((resolve, reject) => {
    const req = request(
      { host: '127.0.0.1', port: harness.port, path, ca: harness.server.caCertificatePem, ...harness.admin, headers },
      (res) => {
        let text = '';
        res.on('data', (chunk: Buffer) => {
          text += chunk;
          const events = text
            .split('\n')
            .slice(0, -1)
            .map((line) => JSON.parse(line));
          if (!enough(events)) return;
          resolve(events);
          req.destroy();
        });
        res.on('end', () =>
          resolve(
            text
              .split('\n')
              .slice(0, -1)
              .map((line) => JSON.parse(line)),
          ),
        );
      },
    );
    req.on('error', reject);
    req.end();
  });
}

test('a watch over HTTP: state first, then changes, a bookmark at its end', async () => {
  const from = (await client.list(CORE('configmaps'))).metadata.resourceVersion;
  const watching = watchLines(
    `/api/v1/namespaces/kube-public/configmaps?watch=true&resourceVersion=${from}`,
    (events) => events.length === 3,
  );
  await client.create(CORE('configmaps'), configMap('w', {}, 'kube-public'));
  await client.update(CORE('configmaps'), configMap('w', { a: 'b' }, 'kube-public'));
  await client.delete(CORE('configmaps'), { namespace: 'kube-public', name: 'w' });
  const events = await watching;
  assert.deepEqual(
    events.map(({ type }) => type),
    ['ADDED', 'MODIFIED', 'DELETED'],
  );
  const closing = await watchLines(
    '/api/v1/namespaces/kube-public/configmaps?watch=true&allowWatchBookmarks=true&timeoutSeconds=1&resourceVersion=1',
    () => false,
  );
  assert.equal(closing.at(-1)?.type, 'BOOKMARK');
});

test('a streamed list: the state, a bookmark that ends it, then changes', async () => {
  const path = '/api/v1/namespaces?watch=true&sendInitialEvents=true&allowWatchBookmarks=true';
  const events = await watchLines(`${path}&resourceVersionMatch=NotOlderThan&resourceVersion=1`, (seen) =>
    seen.some(({ type }) => type === 'BOOKMARK'),
  );
  const { items, metadata } = await client.list(CORE('namespaces'));
  assert.deepEqual(
    events.map(({ type, object }) => [type, object.metadata.name]),
    [...items.map((item) => ['ADDED', item.metadata.name]), ['BOOKMARK', undefined]],
  );
  assert.equal(events.at(-1)?.object.metadata.annotations['k8s.io/initial-events-end'], 'true');
  assert.equal(events.at(-1)?.object.metadata.resourceVersion, metadata.resourceVersion);
  assert.equal((await fetch('GET', path)).code, 422);
  assert.equal((await fetch('GET', '/api/v1/namespaces?watch=true&resourceVersionMatch=NotOlderThan&resourceVersion=1')).code, 422);
});

test('a table watch names its columns once', async () => {
  const path = '/api/v1/namespaces?watch=true';
  const events = await watchLines(path, (seen) => seen.length >= 4, { Accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' });
  assert.deepEqual(
    events.slice(0, 2).map(({ object }) => [object.kind, object.columnDefinitions === null]),
    [
      ['Table', false],
      ['Table', true],
    ],
  );
});

test('idle watches are bounded: one too many is told to come again, and one that ends makes room', async () => {
  await using small = await startHarness({ maxWatches: 3 });
  const open = () =>
    new Promise<IncomingMessage>((resolve, reject) => {
      const path = '/api/v1/configmaps?watch=true&resourceVersion=1';
      const options = { host: '127.0.0.1', port: small.port, path, ca: small.server.caCertificatePem, ...small.admin, agent: false };
      request(options, resolve).on('error', reject).end();
    });
  const watches = [await open(), await open(), await open()];
  for (const { statusCode } of watches) assert.equal(statusCode, 200);
  const refused = await small.fetch('GET', '/api/v1/configmaps?watch=true');
  assert.deepEqual([refused.code, refused.json.reason, refused.headers['retry-after']], [429, 'TooManyRequests', '5']);
  assert.equal((await small.fetch('GET', '/api/v1/configmaps')).code, 200, 'everything else is served');
  for (const watch of watches.splice(0, 1)) watch.destroy();
  for (let attempt = 0; watches.length < 3 && attempt < 100; attempt++) {
    const next = await open();
    if (next.statusCode === 200) watches.push(next);
    else next.destroy();
  }
  assert.equal(watches.length, 3);
  for (const watch of watches) watch.destroy();
});
