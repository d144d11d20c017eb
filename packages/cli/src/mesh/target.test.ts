import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFakeClient } from '@palisade/kubernetes/testing';
import { findPods } from './target.ts';

const pods = { group: '', version: 'v1', resource: 'pods' };

test('a name stands for the pod, else for its workload, and never for what is being deleted', async () => {
  const client = createFakeClient();
  const run = (name: string, phase: string, labels: Record<string, string> = {}) =>
    client.create(pods, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { namespace: 'shop', name, labels },
      spec: { nodeName: 'node1' },
      status: { phase },
    });
  await run('web', 'Running');
  await run('web-1', 'Pending', { app: 'web' });
  await run('web-2', 'Running', { app: 'web' });
  const found = async (name: string) =>
    (await findPods(client, { kind: 'Pod', namespace: 'shop', name })).map(({ metadata }) => metadata.name);
  assert.deepEqual(await found('web'), ['web']);
  await client.delete(pods, { namespace: 'shop', name: 'web' });
  assert.deepEqual(await found('web'), ['web-2', 'web-1'], 'the running one first');
  await assert.rejects(found('ghost'), /Cannot find "ghost" in namespace shop: there are web-2, web-1$/);
});
