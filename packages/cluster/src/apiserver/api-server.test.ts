import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isStatusError, type WatchEvent } from '@palisade/kubernetes';
import { createApiServer, SYSTEM_USER } from './api-server.ts';
import { APPS, CORE, configMap, pod, startHarness } from './testing/harness.ts';

const refusedWith = (code: number, text?: RegExp) => (error: unknown) =>
  isStatusError(error) && error.code === code && (text === undefined || text.test(error.message));

test('objects get their server-owned fields and keep them', async () => {
  await using harness = await startHarness();
  const { client } = harness;
  const forged = configMap('x', { a: '1' });
  forged.metadata.uid = 'forged';
  const created = await client.create(CORE('configmaps'), forged);
  assert.notEqual(created.metadata.uid, 'forged');
  assert.match(created.metadata.creationTimestamp ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  const changed = await client.update(CORE('configmaps'), { ...configMap('x', { a: '2' }) });
  assert.equal(changed.metadata.uid, created.metadata.uid);
  assert.notEqual(changed.metadata.resourceVersion, created.metadata.resourceVersion);
  const same = await client.update(CORE('configmaps'), configMap('x', { a: '2' }));
  assert.equal(same.metadata.resourceVersion, changed.metadata.resourceVersion);
});

test('generation counts changes of the spec, status is written apart', async () => {
  await using harness = await startHarness();
  const { client } = harness;
  const deployment = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'd', namespace: 'default' },
    spec: {
      selector: { matchLabels: { a: 'b' } },
      template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
    },
    status: { replicas: 9 },
  };
  const created = await client.create(APPS('deployments'), deployment);
  assert.equal(created.metadata.generation, 1);
  assert.deepEqual(created['status'], {});
  const labelled = await client.patch(APPS('deployments'), { namespace: 'default', name: 'd' }, 'application/merge-patch+json', {
    metadata: { labels: { x: 'y' } },
    status: { replicas: 5 },
  });
  assert.equal(labelled.metadata.generation, 1);
  assert.deepEqual(labelled['status'], {});
  const scaled = await client.patch(
    APPS('deployments'),
    { namespace: 'default', name: 'd' },
    'application/merge-patch+json',
    { spec: { replicas: 3 } },
    { subresource: 'scale' },
  );
  assert.equal(scaled.kind, 'Scale');
  const after = await client.get(APPS('deployments'), { namespace: 'default', name: 'd' });
  assert.deepEqual([after.metadata.generation, after['spec'].replicas], [2, 3]);
  const reported = await client.update(
    APPS('deployments'),
    { ...after, spec: { ...after['spec'], replicas: 7 }, status: { replicas: 3 } },
    { subresource: 'status' },
  );
  assert.deepEqual([reported.metadata.generation, reported['spec'].replicas, reported['status'].replicas], [2, 3, 3]);
});

test('a stale resourceVersion is a conflict in the words of the real server', async () => {
  await using harness = await startHarness();
  const { client } = harness;
  const first = await client.create(CORE('configmaps'), configMap('x'));
  await client.update(CORE('configmaps'), configMap('x', { a: '1' }));
  await assert.rejects(
    client.update(CORE('configmaps'), { ...first, data: { a: '2' } }),
    refusedWith(
      409,
      /^Operation cannot be fulfilled on configmaps "x": the object has been modified; please apply your changes to the latest version and try again$/,
    ),
  );
  await assert.rejects(client.create(CORE('configmaps'), configMap('x')), refusedWith(409, /configmaps "x" already exists/));
});

test('concurrent patches without a version all win, each once', async () => {
  await using harness = await startHarness();
  const { client, fetch } = harness;
  await client.create(CORE('configmaps'), configMap('x'));
  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, i) =>
      fetch('PATCH', '/api/v1/namespaces/default/configmaps/x', {
        body: { data: { [`k${i}`]: 'v' } },
        headers: { 'Content-Type': 'application/merge-patch+json' },
      }),
    ),
  );
  assert.deepEqual([...new Set(answers.map((answer) => answer.code))], [200]);
  const { data } = await client.get(CORE('configmaps'), { namespace: 'default', name: 'x' });
  assert.equal(Object.keys(data).length, 40);
});

test('finalizers hold an object, the last one to go takes it along', async () => {
  await using harness = await startHarness();
  const { client } = harness;
  const key = { namespace: 'default', name: 'x' };
  const held = configMap('x');
  held.metadata.finalizers = ['example.com/hold'];
  await client.create(CORE('configmaps'), held);
  await client.delete(CORE('configmaps'), key);
  const marked = await client.get(CORE('configmaps'), key);
  assert.ok(marked.metadata.deletionTimestamp);
  await client.patch(CORE('configmaps'), key, 'application/merge-patch+json', { metadata: { finalizers: null } });
  await assert.rejects(client.get(CORE('configmaps'), key), refusedWith(404, /^configmaps "x" not found$/));
});

test('a pod on a node ends gracefully, one without at once', async () => {
  await using harness = await startHarness();
  const { client } = harness;
  const key = { namespace: 'default', name: 'a' };
  await client.create(CORE('pods'), pod('a'));
  await client.delete(CORE('pods'), key);
  await assert.rejects(client.get(CORE('pods'), key), refusedWith(404));
  await client.create(CORE('pods'), pod('a'));
  const binding = { apiVersion: 'v1', kind: 'Binding', metadata: { name: 'a' }, target: { kind: 'Node', name: 'n1' } };
  await client.create(CORE('pods'), binding, key, { subresource: 'binding' });
  await assert.rejects(
    client.create(CORE('pods'), binding, key, { subresource: 'binding' }),
    refusedWith(409, /already assigned to node "n1"/),
  );
  await client.delete(CORE('pods'), key);
  const ending = await client.get(CORE('pods'), key);
  assert.equal(ending.metadata.deletionGracePeriodSeconds, 30);
  await client.delete(CORE('pods'), key, { gracePeriodSeconds: 5 });
  assert.equal((await client.get(CORE('pods'), key)).metadata.deletionGracePeriodSeconds, 5);
  await client.delete(CORE('pods'), key, { gracePeriodSeconds: 0 });
  await assert.rejects(client.get(CORE('pods'), key), refusedWith(404));
});

test('a terminating namespace takes nothing new and goes when finalized', async () => {
  await using harness = await startHarness();
  const { client } = harness;
  await client.create(CORE('namespaces'), { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'n1' } });
  await client.delete(CORE('namespaces'), { name: 'n1' });
  const namespace = await client.get(CORE('namespaces'), { name: 'n1' });
  assert.equal(namespace['status'].phase, 'Terminating');
  await assert.rejects(
    client.create(CORE('configmaps'), configMap('x', {}, 'n1')),
    refusedWith(403, /unable to create new content in namespace n1 because it is being terminated/),
  );
  await client.update(CORE('namespaces'), { ...namespace, spec: {} }, { subresource: 'finalize' });
  await assert.rejects(client.get(CORE('namespaces'), { name: 'n1' }), refusedWith(404));
  await assert.rejects(client.create(CORE('configmaps'), configMap('x', {}, 'n1')), refusedWith(404, /namespaces "n1" not found/));
  await assert.rejects(client.delete(CORE('namespaces'), { name: 'default' }), refusedWith(403, /this namespace may not be deleted/));
});

test('a watch shows what changes, in order, and selections as they come and go', async () => {
  await using harness = await startHarness();
  const { client } = harness;
  const stop = new AbortController();
  const list = await client.list(CORE('configmaps'), { namespace: 'default' });
  const seen: string[] = [];
  const watching = (async () => {
    const options = { namespace: 'default', resourceVersion: list.metadata.resourceVersion, labelSelector: 'on=yes', signal: stop.signal };
    for await (const event of client.watch(CORE('configmaps'), options) as AsyncIterable<WatchEvent>) {
      if (event.type !== 'ERROR') seen.push(`${event.type} ${event.object.metadata.name}`);
      if (event.type === 'DELETED') stop.abort();
    }
  })();
  const key = { namespace: 'default', name: 'a' };
  const label = (value: string | null) =>
    client.patch(CORE('configmaps'), key, 'application/merge-patch+json', { metadata: { labels: { on: value } } });
  await client.create(CORE('configmaps'), configMap('a'));
  await label('yes');
  await client.patch(CORE('configmaps'), key, 'application/merge-patch+json', { data: { x: 'y' } });
  await label(null);
  await watching;
  assert.deepEqual(seen, ['ADDED a', 'MODIFIED a', 'DELETED a']);
});

test('everything is there after a restart', async () => {
  await using harness = await startHarness();
  const { client, server, directory } = harness;
  const created = await client.create(CORE('configmaps'), configMap('kept', { a: '1' }));
  await client.create(CORE('configmaps'), configMap('other'));
  const ca = server.caCertificatePem;
  await server.close();
  const again = await createApiServer({ stateDir: `${directory}/state`, clock: () => new Date() });
  try {
    assert.equal(again.caCertificatePem, ca);
    const next = again.localClient(SYSTEM_USER);
    assert.deepEqual(await next.get(CORE('configmaps'), { namespace: 'default', name: 'kept' }), created);
  } finally {
    await again.close();
  }
});
