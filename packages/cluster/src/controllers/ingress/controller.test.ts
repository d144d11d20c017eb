import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Resource } from '../runtime/resources.ts';
import { startHarness } from '../test-harness.ts';

const ingress = (name: string, host: string) => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'Ingress',
  metadata: { name, namespace: 'default', generation: 1 },
  spec: { rules: [{ host }] },
});

test('an Ingress is told that nobody serves it yet, unless somebody does', async () => {
  await using h = await startHarness({
    async before(client) {
      const served = await client.create(Resource.ingresses, ingress('served', 'b.example'));
      const status = { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } };
      await client.update(Resource.ingresses, { ...served, status }, { subresource: 'status' });
    },
  });
  await h.client.create(Resource.ingresses, ingress('web', 'a.example'));
  await h.settle();
  const told = async () => (await h.events()).filter((line) => line.startsWith('NotServed: Stored, and not served yet'));
  assert.equal((await told()).length, 1);
});
