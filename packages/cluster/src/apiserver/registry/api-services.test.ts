import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { KubernetesObject } from '@palisade/kubernetes';
import { type Harness, startHarness } from '../testing/harness.ts';

const harness: Harness = await startHarness();
after(() => harness[Symbol.asyncDispose]());
const { client, fetch } = harness;
const SERVICES = { group: 'apiregistration.k8s.io', version: 'v1', resource: 'apiservices' };
const DEFINITIONS = { group: 'apiextensions.k8s.io', version: 'v1', resource: 'customresourcedefinitions' };

const named = async () => (await client.list(SERVICES)).items.map(({ metadata }) => metadata.name ?? '');

/** Until it is as wanted: what definitions make follows them. */
async function until(isThere: (names: string[]) => boolean): Promise<void> {
  while (!isThere(await named())) await new Promise((resolve) => setImmediate(resolve));
}

const definition = (versions: readonly string[]): KubernetesObject => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'widgets.example.com' },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: { plural: 'widgets', kind: 'Widget' },
    versions: versions.map((name, i) => ({ name, served: true, storage: i === 0, schema: { openAPIV3Schema: { type: 'object' } } })),
  },
});

test('what is built in is listed, served here and available', async () => {
  const names = await named();
  for (const name of ['v1.', 'v1.apps', 'v2.autoscaling', 'v1.apiextensions.k8s.io']) assert.ok(names.includes(name), name);
  assert.ok(!names.includes('v1.apiregistration.k8s.io'));
  const { json } = await fetch('GET', '/apis/apiregistration.k8s.io/v1/apiservices/v1.apps', {
    headers: { Accept: 'application/json;as=Table;g=meta.k8s.io;v=v1' },
  });
  assert.deepEqual(json.rows[0].cells.slice(0, 3), ['v1.apps', 'Local', 'True']);
});

test('versions of definitions come and go with them', { timeout: 20_000 }, async () => {
  await client.create(DEFINITIONS, definition(['v1', 'v1beta1']));
  await until((names) => names.includes('v1.example.com') && names.includes('v1beta1.example.com'));
  const made = await client.get(SERVICES, { name: 'v1beta1.example.com' });
  assert.deepEqual(made['spec'], { group: 'example.com', version: 'v1beta1', groupPriorityMinimum: 1000, versionPriority: 100 });
  await client.delete(DEFINITIONS, { name: 'widgets.example.com' });
  await until((names) => !names.some((name) => name.endsWith('example.com')));
});

test('one that names a Service is not available: nobody forwards to it', async () => {
  const made = await client.create(SERVICES, {
    apiVersion: 'apiregistration.k8s.io/v1',
    kind: 'APIService',
    metadata: { name: 'v1.else.example.com' },
    spec: {
      group: 'else.example.com',
      version: 'v1',
      groupPriorityMinimum: 100,
      versionPriority: 100,
      service: { namespace: 'default', name: 'else' },
    },
  });
  const [condition] = made['status'].conditions;
  assert.deepEqual([condition.type, condition.status, condition.reason], ['Available', 'False', 'NotForwarded']);
});
