import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PatchType } from '@palisade/kubernetes';
import { Resource } from '../runtime/resources.ts';
import { type Harness, makeDeployment, makeNode, startHarness } from '../test-harness.ts';

const web = { namespace: 'default', name: 'web' };
const service = (spec: object) => ({ apiVersion: 'v1', kind: 'Service', metadata: { ...web }, spec });

async function addresses(h: Harness): Promise<string[][]> {
  await h.settle();
  return (await h.list(Resource.endpointSlices)).map((slice) => [
    slice['addressType'],
    ...slice['endpoints'].map((endpoint: { addresses: string[] }) => endpoint.addresses[0]),
  ]);
}

test('slices and Endpoints follow the pods, the service and its selector', async () => {
  await using h = await startHarness({ nodes: [] });
  await h.client.create(Resource.nodes, makeNode('n', { labels: { 'topology.kubernetes.io/zone': 'z1' } }));
  await h.client.create(Resource.services, service({ selector: { app: 'web' }, ipFamilies: ['IPv4', 'IPv6'], ports: [{ port: 80 }] }));
  assert.deepEqual(await addresses(h), [['IPv4'], ['IPv6']]);
  await h.client.create(Resource.deployments, makeDeployment('web', 2));
  for (let i = 0; i < 2; i++) await h.runPods();
  assert.deepEqual(
    (await addresses(h)).map((slice) => slice.length),
    [3, 3],
  );
  assert.ok(
    (await h.list(Resource.endpointSlices)).every((slice) =>
      slice['endpoints'].every((endpoint: { zone: string }) => endpoint.zone === 'z1'),
    ),
  );
  assert.equal((await h.get(Resource.endpoints, 'web'))['subsets'][0].addresses.length, 2);
  await h.client.patch(Resource.services, web, PatchType.merge, { spec: { selector: { app: 'other' } } });
  assert.deepEqual(
    (await addresses(h)).map((slice) => slice.length),
    [1, 1],
  );
  assert.equal((await h.get(Resource.endpoints, 'web'))['subsets'], undefined);
  await h.client.delete(Resource.services, web);
  assert.deepEqual(await addresses(h), []);
  assert.deepEqual(await h.list(Resource.endpoints), []);
});

test('what users write for services without selector is left alone; what they change of ours is put right', async () => {
  await using h = await startHarness();
  await h.client.create(Resource.endpoints, {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: { ...web, labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } },
    subsets: [{ addresses: [{ ip: '192.0.2.1' }] }],
  });
  const own = {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'mine', namespace: 'default', labels: { 'kubernetes.io/service-name': 'web' } },
    addressType: 'IPv4',
    endpoints: [{ addresses: ['192.0.2.1'] }],
  };
  await h.client.create(Resource.endpointSlices, own);
  await h.client.create(Resource.services, service({ ports: [{ port: 80 }] }));
  assert.deepEqual(await addresses(h), [['IPv4', '192.0.2.1']]);
  assert.equal((await h.get(Resource.endpoints, 'web'))['subsets'][0].addresses[0].ip, '192.0.2.1');
  await h.client.delete(Resource.services, web);
  assert.deepEqual(await addresses(h), [['IPv4', '192.0.2.1']]);

  await h.client.create(Resource.services, {
    ...service({ selector: { app: 'x' }, ports: [{ port: 80 }] }),
    metadata: { name: 'x', namespace: 'default' },
  });
  await h.settle();
  const ours = (await h.list(Resource.endpointSlices)).find((slice) => slice.metadata.labels!['kubernetes.io/service-name'] === 'x')!;
  await h.client.update(Resource.endpointSlices, { ...ours, endpoints: [{ addresses: ['192.0.2.66'] }] });
  assert.deepEqual((await addresses(h)).sort(), [['IPv4'], ['IPv4', '192.0.2.1']]);
});
