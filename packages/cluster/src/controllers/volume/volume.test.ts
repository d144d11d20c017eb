import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubernetesObject } from '@palisade/kubernetes';
import { Resource } from '../runtime/resources.ts';
import { startHarness } from '../test-harness.ts';
import { decideBinding, isClaimUsed, volumePhase } from './decide.ts';
import { DEFAULT_CLASS, PROVISIONER } from './index.ts';

const claim = (spec: object = {}, name = 'data', uid = 'u1'): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { namespace: 'default', name, uid },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '2Gi' } }, ...spec },
});
const volume = (name: string, spec: object = {}): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'PersistentVolume',
  metadata: { name },
  spec: { capacity: { storage: '5Gi' }, accessModes: ['ReadWriteOnce', 'ReadOnlyMany'], hostPath: { path: `/x/${name}` }, ...spec },
});
const storageClass = (name: string, provisioner = PROVISIONER, isDefault = true): KubernetesObject => ({
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: { name, annotations: { 'storageclass.kubernetes.io/is-default-class': String(isDefault) } },
  provisioner,
  reclaimPolicy: 'Delete',
});
const reference = (uid?: string, name = 'data') => ({ claimRef: { namespace: 'default', name, ...(uid === undefined ? {} : { uid }) } });

test('which volume a claim gets', () => {
  const classes = [storageClass(DEFAULT_CLASS), storageClass('other', 'example.com/disk', false)];
  const local = { storageClassName: DEFAULT_CLASS };
  const table: [string, KubernetesObject, KubernetesObject[], string][] = [
    ['no class: the default one', claim(), [], 'set-class local-path'],
    ['of the local class: a new one', claim(local), [], 'provision'],
    ['a free one that fits comes before a new one', claim(local), [volume('a', local)], 'bind a'],
    [
      'the smallest that fits',
      claim(local),
      [volume('big', local), volume('small', { ...local, capacity: { storage: '2Gi' } })],
      'bind small',
    ],
    ['too small', claim(local), [volume('a', { ...local, capacity: { storage: '1Gi' } })], 'provision'],
    ['of another class', claim(local), [volume('a')], 'provision'],
    ['of another mode', claim({ ...local, accessModes: ['ReadWriteMany'] }), [volume('a', local)], 'provision'],
    ['taken', claim(local), [volume('a', { ...local, ...reference('u2', 'other') })], 'provision'],
    ['kept by uid', claim(local), [volume('a', { ...reference('u1') })], 'bind a'],
    ['kept by name', claim(local), [volume('a', { ...reference() })], 'bind a'],
    ['kept for a claim of that name that is gone', claim(local), [volume('a', { ...local, ...reference('u0') })], 'provision'],
    ['named', claim({ volumeName: 'b' }), [volume('a'), volume('b')], 'bind b'],
    ['named, not there', claim({ volumeName: 'b' }), [volume('a')], 'wait'],
    ['named, taken', claim({ volumeName: 'b' }), [volume('b', reference('u2', 'other'))], 'wait'],
    ['without a class on purpose', claim({ storageClassName: '' }), [volume('a', local)], 'wait'],
    ['without a class on purpose, one there', claim({ storageClassName: '' }), [volume('a')], 'bind a'],
    ['class that is not there', claim({ storageClassName: 'gold' }), [], 'wait'],
    ["somebody else's class", claim({ storageClassName: 'other' }), [], 'wait'],
  ];
  for (const [what, asked, volumes, expected] of table) {
    const step = decideBinding(asked, volumes, classes);
    const detail = step.kind === 'bind' ? ` ${step.volume.metadata.name}` : step.kind === 'set-class' ? ` ${step.name}` : '';
    assert.equal(step.kind + detail, expected, what);
  }
});

test('phases and use', () => {
  assert.equal(volumePhase(volume('a'), undefined), 'Available');
  assert.equal(volumePhase(volume('a', reference('u1')), claim({ volumeName: 'a' })), 'Bound');
  assert.equal(volumePhase(volume('a', reference('u1')), undefined), 'Released');
  assert.equal(volumePhase(volume('a', reference()), undefined), 'Available');
  const pod = (phase: string, claimName: string) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {},
    spec: { volumes: [{ name: 'x', persistentVolumeClaim: { claimName } }] },
    status: { phase },
  });
  assert.equal(isClaimUsed(claim(), [pod('Running', 'data')]), true);
  assert.equal(isClaimUsed(claim(), [pod('Succeeded', 'data'), pod('Running', 'other')]), false);
});

test('a claim is bound to a volume of its own, which goes with it once no pod uses it', async () => {
  const removed: string[] = [];
  await using h = await startHarness({
    before: async (client) => void (await client.create(Resource.storageClasses, storageClass(DEFAULT_CLASS))),
    volumes: {
      root: '/state/volumes',
      remove: async (path) => void removed.push(path),
    },
  });
  const key = { namespace: 'default', name: 'data' };
  const asked = claim();
  delete asked.metadata.uid;
  asked.metadata.finalizers = ['kubernetes.io/pvc-protection'];
  await h.client.create(Resource.persistentVolumeClaims, asked);
  await h.settle();
  const bound = await h.get(Resource.persistentVolumeClaims, 'data');
  assert.equal(bound['spec'].storageClassName, DEFAULT_CLASS);
  assert.deepEqual(bound['status'], { phase: 'Bound', accessModes: ['ReadWriteOnce'], capacity: { storage: '2Gi' } });
  const [made] = await h.list(Resource.persistentVolumes);
  assert.equal(made?.metadata.name, `pvc-${bound.metadata.uid}`);
  assert.equal(made?.['spec'].hostPath.path, `/state/volumes/${made?.metadata.name}_default_data`);
  assert.equal(made?.['status'].phase, 'Bound');
  await h.client.create(Resource.pods, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace: 'default', name: 'user' },
    spec: { containers: [{ name: 'c', image: 'i' }], volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'data' } }] },
  });
  await h.runPods();
  await h.client.delete(Resource.persistentVolumeClaims, key);
  await h.settle();
  assert.equal((await h.list(Resource.persistentVolumeClaims)).length, 1, 'in use');
  assert.deepEqual(removed, []);
  await h.client.delete(Resource.pods, { namespace: 'default', name: 'user' }, { gracePeriodSeconds: 0 });
  await h.settle();
  assert.equal((await h.list(Resource.persistentVolumeClaims)).length, 0);
  assert.equal((await h.list(Resource.persistentVolumes)).length, 0);
  assert.deepEqual(removed, [made?.['spec'].hostPath.path]);
});

test('a generic ephemeral volume: its claim is made for the pod, owned by it, and bound', async () => {
  await using h = await startHarness({
    before: async (client) => void (await client.create(Resource.storageClasses, storageClass(DEFAULT_CLASS))),
    volumes: { root: '/state/volumes', remove: async () => {} },
  });
  const volumeClaimTemplate = { metadata: { labels: { of: 'pod' } }, spec: { ...claim()['spec'] } };
  await h.client.create(Resource.pods, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace: 'default', name: 'user' },
    spec: { containers: [{ name: 'c', image: 'i' }], volumes: [{ name: 'scratch', ephemeral: { volumeClaimTemplate } }] },
  });
  await h.pass(2);
  const pod = await h.get(Resource.pods, 'user');
  const made = await h.get(Resource.persistentVolumeClaims, 'user-scratch');
  assert.equal(made.metadata.ownerReferences?.[0]?.uid, pod.metadata.uid);
  assert.equal(made.metadata.labels?.['of'], 'pod');
  assert.equal(made['status'].phase, 'Bound');
  assert.equal(pod['spec'].nodeName, 'node1');
});
