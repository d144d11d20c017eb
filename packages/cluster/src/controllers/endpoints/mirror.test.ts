import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PatchType } from '@palisade/kubernetes';
import { Resource } from '../runtime/resources.ts';
import { startHarness } from '../test-harness.ts';

const key = { namespace: 'default', name: 'outside' };
const subsets = (...ips: string[]) => [
  { addresses: ips.map((ip) => ({ ip })), notReadyAddresses: [{ ip: '192.0.2.99' }], ports: [{ port: 5432, protocol: 'TCP' }] },
];

for (const cacheLag of [0, 5]) {
  test(`Endpoints of a service without selector become slices, ${cacheLag} turns behind`, async () => {
    await using h = await startHarness({ cacheLag });
    await h.client.create(Resource.services, {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { ...key },
      spec: { ports: [{ port: 5432 }] },
    });
    await h.client.create(Resource.endpoints, {
      apiVersion: 'v1',
      kind: 'Endpoints',
      metadata: { ...key },
      subsets: subsets('192.0.2.1', '2001:db8::1'),
    });
    const show = async () => {
      await h.settle();
      return (await h.list(Resource.endpointSlices)).map((slice) => [
        slice['addressType'],
        ...slice['endpoints'].map(
          (endpoint: { addresses: string[]; conditions: { ready: boolean } }) => `${endpoint.addresses[0]} ${endpoint.conditions.ready}`,
        ),
        ...slice['ports'].map((port: { port: number }) => port.port),
      ]);
    };
    assert.deepEqual(await show(), [
      ['IPv4', '192.0.2.1 true', '192.0.2.99 false', 5432],
      ['IPv6', '2001:db8::1 true', 5432],
    ]);
    await h.client.patch(Resource.endpoints, key, PatchType.merge, { subsets: subsets('192.0.2.2') });
    assert.deepEqual(await show(), [['IPv4', '192.0.2.2 true', '192.0.2.99 false', 5432]]);
    await h.client.patch(Resource.services, key, PatchType.merge, { spec: { selector: { app: 'x' } } });
    await h.settle();
    assert.deepEqual(
      (await h.list(Resource.endpointSlices)).map((slice) => slice.metadata.labels!['endpointslice.kubernetes.io/managed-by']),
      ['endpointslice-controller.k8s.io'],
    );
  });
}

test('events go an hour after their last repetition', async () => {
  await using h = await startHarness({ nodes: [] });
  const event = (name: string, lastTimestamp: string) => ({
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name, namespace: 'default' },
    involvedObject: {},
    reason: name,
    message: 'm',
    lastTimestamp,
  });
  await h.client.create(Resource.events, event('old', '2025-12-31T23:00:30Z'));
  await h.client.create(Resource.events, event('young', '2025-12-31T23:30:00Z'));
  await h.pass(20);
  assert.equal((await h.events()).length, 2);
  await h.pass(60);
  assert.deepEqual(await h.events(), ['young: m']);
});
