import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { KubernetesObject } from '@palisade/kubernetes';
import { CORE, configMap, type Harness, pod, startHarness } from '../testing/harness.ts';

const harness: Harness = await startHarness();
after(() => harness[Symbol.asyncDispose]());
const { client } = harness;

let counter = 0;
/** A namespace of its own with a service account, and what limits it. */
async function namespaceWith(resource: string, kind: string, spec: object): Promise<string> {
  const name = `limited-${counter++}`;
  await client.create(CORE('namespaces'), { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  await client.create(CORE('serviceaccounts'), {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'default', namespace: name },
  });
  await client.create(CORE(resource), { apiVersion: 'v1', kind, metadata: { name: 'limit', namespace: name }, spec });
  return name;
}
const quota = (hard: object, more: object = {}) => namespaceWith('resourcequotas', 'ResourceQuota', { hard, ...more });
const limits = (...items: object[]) => namespaceWith('limitranges', 'LimitRange', { limits: items });

function podIn(namespace: string, name: string, resources?: object, spec: object = {}): KubernetesObject {
  const made = pod(name, { containers: [{ name: 'c', image: 'busybox', ...(resources === undefined ? {} : { resources }) }], ...spec });
  made.metadata.namespace = namespace;
  return made;
}
const create = (object: KubernetesObject) => client.create(CORE('pods'), object);
const refused = (act: Promise<unknown>, message: string) =>
  assert.rejects(act, (error: { status?: { code: number; message: string } }) => {
    assert.deepEqual([error.status?.code, error.status?.message], [403, message]);
    return true;
  });

test('a quota counts objects, and an object that is gone makes room', async () => {
  const namespace = await quota({ configmaps: '2', 'count/secrets': '0' });
  for (const name of ['a', 'b']) await client.create(CORE('configmaps'), configMap(name, {}, namespace));
  await refused(
    client.create(CORE('configmaps'), configMap('c', {}, namespace)),
    'configmaps "c" is forbidden: exceeded quota: limit, requested: configmaps=1, used: configmaps=2, limited: configmaps=2',
  );
  await client.update(CORE('configmaps'), configMap('a', { changed: 'yes' }, namespace));
  await client.delete(CORE('configmaps'), { namespace, name: 'b' });
  await client.create(CORE('configmaps'), configMap('c', {}, namespace));
  const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's', namespace } };
  await refused(
    client.create(CORE('secrets'), secret),
    'secrets "s" is forbidden: exceeded quota: limit, requested: count/secrets=1, used: count/secrets=0, limited: count/secrets=0',
  );
});

test('of a hundred pods at once only as many are made as there is room', async () => {
  const namespace = await quota({ pods: '7' });
  const answers = await Promise.allSettled(Array.from({ length: 100 }, (_, i) => create(podIn(namespace, `p${i}`))));
  assert.equal(answers.filter(({ status }) => status === 'fulfilled').length, 7);
});

test('compute resources: sums are exact, what is limited must be named', async () => {
  const namespace = await quota({ 'requests.cpu': '1', 'limits.memory': '128Mi' });
  await refused(
    create(podIn(namespace, 'silent')),
    'pods "silent" is forbidden: failed quota: limit: must specify limits.memory for: c; requests.cpu for: c',
  );
  const half = { requests: { cpu: '600m' }, limits: { memory: '64Mi' } };
  await create(podIn(namespace, 'one', half));
  await refused(
    create(podIn(namespace, 'two', half)),
    'pods "two" is forbidden: exceeded quota: limit, requested: requests.cpu=600m, used: requests.cpu=600m, limited: requests.cpu=1',
  );
  await create(podIn(namespace, 'small', { requests: { cpu: '400m' }, limits: { memory: '64Mi' } }));
});

test('scopes choose among pods', async () => {
  const namespace = await quota({ pods: '0' }, { scopes: ['BestEffort'] });
  await refused(
    create(podIn(namespace, 'best-effort')),
    'pods "best-effort" is forbidden: exceeded quota: limit, requested: pods=1, used: pods=0, limited: pods=0',
  );
  await create(podIn(namespace, 'burstable', { requests: { cpu: '1m' } }));
  await client.create(CORE('configmaps'), configMap('any', {}, namespace));
});

test('what is admitted is written into the quota; what the quota says counts until its controller says less', async () => {
  const namespace = await quota({ pods: '3' });
  const limit = await client.get(CORE('resourcequotas'), { namespace, name: 'limit' });
  await create(podIn(namespace, 'before'));
  await client.update(
    CORE('resourcequotas'),
    { ...limit, status: { hard: { pods: '3' }, used: { pods: '2' } } },
    { subresource: 'status' },
  );
  await create(podIn(namespace, 'last'));
  const used = async () => (await client.get(CORE('resourcequotas'), { namespace, name: 'limit' }))['status'].used.pods;
  assert.equal(await used(), '3');
  await refused(
    create(podIn(namespace, 'over')),
    'pods "over" is forbidden: exceeded quota: limit, requested: pods=1, used: pods=3, limited: pods=3',
  );
  assert.equal(await used(), '3');
});

test('a limit range gives containers what they leave open', async () => {
  const namespace = await limits({ type: 'Container', default: { cpu: '200m', memory: '64Mi' }, defaultRequest: { cpu: '100m' } });
  const made = await create(podIn(namespace, 'plain'));
  assert.deepEqual(made['spec'].containers[0].resources, {
    limits: { cpu: '200m', memory: '64Mi' },
    requests: { cpu: '100m', memory: '64Mi' },
  });
  assert.equal(
    made.metadata.annotations?.['kubernetes.io/limit-ranger'],
    'LimitRanger plugin set: cpu, memory request for container c; cpu, memory limit for container c',
  );
  assert.equal(made['status'].qosClass, 'Burstable');
});

test('a limit range refuses what is outside', async () => {
  const namespace = await limits(
    { type: 'Container', min: { cpu: '100m' }, max: { cpu: '1' }, maxLimitRequestRatio: { cpu: '4' } },
    { type: 'Pod', max: { memory: '1Gi' } },
  );
  const memory = '64Mi';
  await refused(
    create(podIn(namespace, 'small', { requests: { cpu: '50m' }, limits: { cpu: '100m', memory } })),
    'pods "small" is forbidden: minimum cpu usage per Container is 100m, but request is 50m',
  );
  await refused(
    create(podIn(namespace, 'big', { requests: { cpu: '1' }, limits: { cpu: '2', memory: '2Gi' } })),
    'pods "big" is forbidden: [maximum cpu usage per Container is 1, but limit is 2, maximum memory usage per Pod is 1Gi, but limit is 2Gi]',
  );
  await refused(
    create(podIn(namespace, 'wide', { requests: { cpu: '100m' }, limits: { cpu: '1', memory } })),
    'pods "wide" is forbidden: cpu max limit to request ratio per Container is 4, but provided ratio is 10.000000',
  );
  await create(podIn(namespace, 'right', { requests: { cpu: '500m' }, limits: { cpu: '1', memory } }));
});
