import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { KubernetesObject } from '@palisade/kubernetes';
import { startHarness } from '../../testing/harness.ts';

const harness = await startHarness();
after(() => harness[Symbol.asyncDispose]());
const { fetch } = harness;

const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

/** @param schemas of the versions, the first of which is stored */
function definition(plural: string, kind: string, schemas: Readonly<Record<string, object>>, more: object = {}) {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.example.com` },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { plural, kind },
      versions: Object.entries(schemas).map(([name, openAPIV3Schema], i) => ({
        name,
        served: true,
        storage: i === 0,
        schema: { openAPIV3Schema },
        ...more,
      })),
    },
  };
}

const open = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
const conditionsOf = ({ status }: { status?: KubernetesObject['status'] }) =>
  (status?.conditions ?? []).map(({ type, status: is, reason }: Record<string, string>) => `${type} ${is} ${reason}`);

test('a name that is let go is the next one’s', { timeout: 30_000 }, async () => {
  assert.equal((await fetch('POST', DEFINITIONS, { body: definition('firsts', 'Thing', { v1: open }) })).code, 201);
  assert.equal((await fetch('POST', DEFINITIONS, { body: definition('seconds', 'Thing', { v1: open }) })).code, 201);
  const second = async () => (await fetch('GET', `${DEFINITIONS}/seconds.example.com`)).json;
  const waiting = await second();
  assert.deepEqual(conditionsOf(waiting), ['NamesAccepted False ListKindConflict', 'Established False NotAccepted']);
  assert.deepEqual(waiting.status.acceptedNames, { plural: 'seconds', kind: '' });
  assert.equal((await fetch('GET', '/apis/example.com/v1/namespaces/default/seconds')).code, 404);
  const going = await fetch('DELETE', `${DEFINITIONS}/firsts.example.com`);
  assert.equal(conditionsOf(going.json).at(-1), 'Terminating True InstanceDeletionPending');
  while ((await fetch('GET', `${DEFINITIONS}/firsts.example.com`)).code !== 404) await setImmediate();
  assert.deepEqual(conditionsOf(await second()), ['NamesAccepted True NoConflicts', 'Established True InitialNamesAccepted']);
  assert.equal((await fetch('GET', '/apis/example.com/v1/namespaces/default/seconds')).code, 200);
});

test('what is stored has the fields of the stored version, what is read its defaults, even later ones', async () => {
  const schema = (colour: object = {}) => ({
    type: 'object',
    properties: { spec: { type: 'object', properties: { size: { type: 'integer' }, ...colour } } },
  });
  await fetch('POST', DEFINITIONS, { body: definition('shapes', 'Shape', { v2: schema(), v1: open }) });
  const path = '/apis/example.com/v1/namespaces/default/shapes';
  const body = { apiVersion: 'example.com/v1', kind: 'Shape', metadata: { name: 'a' }, spec: { size: 1, extra: 2 } };
  assert.deepEqual((await fetch('POST', path, { body })).json.spec, { size: 1 });
  const colour = { colour: { type: 'string', default: 'red' } };
  const later = definition('shapes', 'Shape', { v2: schema(colour), v1: open });
  const patched = await fetch('PATCH', `${DEFINITIONS}/shapes.example.com`, {
    body: { spec: later.spec },
    headers: { 'Content-Type': 'application/merge-patch+json' },
  });
  assert.equal(patched.code, 200);
  assert.deepEqual((await fetch('GET', `${path}/a`)).json.spec, { size: 1, colour: 'red' });
  assert.deepEqual((await fetch('GET', path)).json.items[0].spec, { size: 1, colour: 'red' });
});

test('a version that will go says so, and what comes instead', async () => {
  const made = definition('olds', 'Old', { v2: open, v1: open, v1beta1: open });
  const versions = made.spec.versions.map((version) => ({ ...version, deprecated: version.name !== 'v1' }));
  await fetch('POST', DEFINITIONS, { body: { ...made, spec: { ...made.spec, versions } } });
  const warningOf = async (version: string) => (await fetch('GET', `/apis/example.com/${version}/olds`)).headers['warning'];
  assert.equal(await warningOf('v1'), undefined);
  assert.equal(await warningOf('v1beta1'), '299 - "example.com/v1beta1 Old is deprecated; use example.com/v1 Old"');
  assert.equal(await warningOf('v2'), '299 - "example.com/v2 Old is deprecated"');
});
