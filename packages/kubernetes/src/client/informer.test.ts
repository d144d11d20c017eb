import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ApiClient } from './api-client.ts';
import { createInformer } from './informer.ts';
import { createFakeClient } from './testing/fake-client.ts';
import { createFakeClock } from './testing/fake-clock.ts';

const configMaps = { group: '', version: 'v1', resource: 'configmaps' };
const object = (name: string, data = '', labels: Record<string, string> = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'n', labels },
  data: { data },
});
const turns = async () => {
  for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
};

test('tells of every change, once, with the object known before', async () => {
  const client = createFakeClient();
  const stop = new AbortController();
  const seen: string[] = [];
  const informer = createInformer(client, configMaps);
  await client.create(configMaps, object('a', '1'));
  informer.onChange((type, { metadata, data }, old) => seen.push(`${type} ${metadata.name} ${data.data} ${old?.['data'].data ?? '-'}`));
  informer.start(stop.signal);
  await informer.hasSynced();
  await client.create(configMaps, object('b', '1'));
  await client.update(configMaps, object('a', '2'));
  await client.delete(configMaps, { namespace: 'n', name: 'b' });
  await turns();
  assert.deepEqual(seen, ['ADDED a 1 -', 'ADDED b 1 -', 'MODIFIED a 2 1', 'DELETED b 1 1']);
  assert.deepEqual(
    informer.list('n').map((found) => found.metadata.name),
    ['a'],
  );
  const late: string[] = [];
  informer.onChange((type, { metadata }) => late.push(`${type} ${metadata.name}`));
  assert.deepEqual(late, ['ADDED a']);
  stop.abort();
  await turns();
  await client.create(configMaps, object('c'));
  await turns();
  assert.equal(informer.get('n/c'), undefined, 'stopped');
});

test('after 410 it lists again and tells only the differences', async () => {
  const clock = createFakeClock();
  const client = createFakeClient();
  const stop = new AbortController();
  for (const name of ['same', 'gone', 'reborn', 'changed']) await client.create(configMaps, object(name, '1'));
  const informer = createInformer(client, configMaps, { clock });
  informer.start(stop.signal);
  await informer.hasSynced();
  await turns();
  const seen: string[] = [];
  informer.onChange((type, { metadata }) => seen.push(`${type} ${metadata.name}`));
  seen.length = 0;
  // Changes made in one go with the expiry: the watch cannot tell them.
  client.expireWatches();
  const writes = [
    client.delete(configMaps, { namespace: 'n', name: 'gone' }),
    client.delete(configMaps, { namespace: 'n', name: 'reborn' }),
    client.create(configMaps, object('reborn', '2')),
    client.update(configMaps, object('changed', '2')),
  ];
  await Promise.all(writes);
  await turns();
  assert.deepEqual([...seen].sort(), ['ADDED reborn', 'DELETED gone', 'DELETED reborn', 'MODIFIED changed']);
  assert.ok(seen.indexOf('DELETED reborn') < seen.indexOf('ADDED reborn'));
  await client.update(configMaps, object('same', '3'));
  await turns();
  assert.equal(seen.at(-1), 'MODIFIED same', 'watches again');
  stop.abort();
});

test('failures are reported and waited out with growing pauses; bookmarks move the version', async () => {
  const clock = createFakeClock();
  const stop = new AbortController();
  const versions: (string | undefined)[] = [];
  let lists = 0;
  const client = {
    async list() {
      lists += 1;
      if (lists <= 2) throw new Error('connection refused');
      return { apiVersion: 'v1', kind: 'List', metadata: { resourceVersion: '10' }, items: [] };
    },
    async *watch(_resource: unknown, options: { resourceVersion?: string }) {
      versions.push(options.resourceVersion);
      if (versions.length === 1)
        yield { type: 'BOOKMARK', object: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { resourceVersion: '15' } } };
      if (versions.length <= 2) throw new Error('connection reset');
      await new Promise(() => {});
    },
  } as unknown as ApiClient;
  const errors: string[] = [];
  const informer = createInformer(client, configMaps, { clock, onError: (error) => errors.push((error as Error).message) });
  informer.start(stop.signal);
  const pauses: number[] = [];
  for (let waited = 0; versions.length < 3 && waited < 5000; waited += 10) {
    await turns();
    if (errors.length > pauses.length) pauses.push(waited);
    clock.advance(10);
  }
  assert.deepEqual(errors, ['connection refused', 'connection refused', 'connection reset', 'connection reset']);
  assert.deepEqual(pauses, [0, 100, 300, 400], '100 ms, 200 ms, and after an event 100 ms again');
  assert.deepEqual(versions, ['10', '15', '15']);
  stop.abort();
});

test('an index follows its objects', async () => {
  const client = createFakeClient();
  const stop = new AbortController();
  const informer = createInformer(client, configMaps);
  informer.addIndex('app', ({ metadata }) => [metadata.labels?.['app'] ?? '']);
  await client.create(configMaps, object('a', '', { app: 'x' }));
  await client.create(configMaps, object('b', '', { app: 'x' }));
  informer.start(stop.signal);
  await informer.hasSynced();
  await client.update(configMaps, object('a', '', { app: 'y' }));
  await client.delete(configMaps, { namespace: 'n', name: 'b' });
  await turns();
  assert.deepEqual(
    ['x', 'y'].map((app) => informer.byIndex('app', app).map((found) => found.metadata.name)),
    [[], ['a']],
  );
  assert.throws(() => informer.byIndex('other', ''), /No index "other"/);
  stop.abort();
});
