import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { KubernetesObject } from '@palisade/kubernetes';
import type { Pod, Volume } from '../pod-types.ts';
import { writeAtomicFolder } from './atomic-folder.ts';
import { resolveMounts } from './mounts.ts';
import { planVolumes } from './plan.ts';
import { PodVolumes } from './pod-volumes.ts';
import { VolumeError } from './volume-error.ts';

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'palisade-volumes-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

const base64 = (text: string) => Buffer.from(text).toString('base64');
const claimNamed = (name: string, volumeName: string, phase = 'Bound') =>
  [
    name,
    { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name, uid: `uid-${name}` }, spec: { volumeName }, status: { phase } },
  ] as const;
const volumeNamed = (name: string, claim: string, spec: object, by?: string) =>
  [
    name,
    {
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name, ...(by === undefined ? {} : { annotations: { 'pv.kubernetes.io/provisioned-by': by } }) },
      spec: { claimRef: { uid: `uid-${claim}` }, ...spec },
    },
  ] as const;
const claims = new Map<string, KubernetesObject>([
  claimNamed('own', 'pv-own'),
  claimNamed('host', 'pv-host'),
  claimNamed('nfs', 'pv-nfs'),
  claimNamed('stolen', 'pv-own'),
  claimNamed('lost', 'pv-gone'),
  claimNamed('new', '', 'Pending'),
]);
const persistentVolumes = new Map<string, KubernetesObject>([
  volumeNamed('pv-own', 'own', { hostPath: { path: '/state/own' } }, 'palisade.dev/local-path'),
  volumeNamed('pv-host', 'host', { hostPath: { path: '/data', type: 'Directory' } }),
  volumeNamed('pv-nfs', 'nfs', { nfs: { server: 'x', path: '/' } }),
]);
const config = {
  configMap: (name: string) =>
    name === 'cm'
      ? { apiVersion: 'v1', kind: 'ConfigMap', metadata: {}, data: { a: 'A', b: 'B' }, binaryData: { raw: base64('\u0001') } }
      : undefined,
  secret: (name: string) => (name === 's' ? { apiVersion: 'v1', kind: 'Secret', metadata: {}, data: { k: base64('K') } } : undefined),
  claim: (name: string) => claims.get(name),
  persistentVolume: (name: string) => persistentVolumes.get(name),
};
function plan(volume: Omit<Volume, 'name'>) {
  const pod: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p', namespace: 'n', uid: 'uid-pod', labels: { l: '1' } },
    spec: { containers: [], volumes: [{ name: 'v', ...volume }] },
  };
  const [first] = planVolumes(pod, { pod, nodeName: 'node1', hostIPs: [], podIPs: [], nodeCapacity: { cpu: 1, memoryBytes: 1 } }, config);
  return first!;
}
function files(volume: Omit<Volume, 'name'>) {
  const planned = plan(volume);
  assert.ok(planned.kind === 'files');
  return planned.files.map(({ path, content, mode }) => `${path}=${content.toString('latin1')} ${mode.toString(8)}`);
}

test('what is in a volume', () => {
  assert.deepEqual(plan({ emptyDir: {} }), { kind: 'scratch', name: 'v', isMemory: false, sizeBytes: undefined });
  assert.deepEqual(plan({ emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } }), {
    kind: 'scratch',
    name: 'v',
    isMemory: true,
    sizeBytes: 1048576,
  });
  assert.deepEqual(plan({ hostPath: { path: '/x' } }), { kind: 'host', name: 'v', path: '/x', type: '' });
  assert.deepEqual(files({ configMap: { name: 'cm' } }), ['a=A 644', 'b=B 644', 'raw=\u0001 644']);
  assert.deepEqual(
    files({
      configMap: {
        name: 'cm',
        defaultMode: 0o400,
        items: [
          { key: 'a', path: 'x/y' },
          { key: 'b', path: 'z', mode: 0o777 },
        ],
      },
    }),
    ['x/y=A 400', 'z=B 777'],
  );
  assert.deepEqual(files({ secret: { secretName: 's' } }), ['k=K 644']);
  assert.deepEqual(files({ configMap: { name: 'no', optional: true } }), []);
  assert.deepEqual(files({ secret: { secretName: 's', optional: true, items: [{ key: 'no', path: 'x' }] } }), []);
  assert.deepEqual(files({ downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } }), [
    'labels=l="1" 644',
  ]);
  const projected = plan({
    projected: {
      defaultMode: 0o440,
      sources: [
        { configMap: { name: 'cm', items: [{ key: 'a', path: 'a' }] } },
        { secret: { name: 's' } },
        { serviceAccountToken: { path: 'token', expirationSeconds: 600, audience: 'x' } },
      ],
    },
  });
  assert.ok(projected.kind === 'files');
  assert.deepEqual(
    projected.files.map(({ path }) => path),
    ['a', 'k'],
  );
  assert.deepEqual(projected.tokens, [{ path: 'token', audience: 'x', expirationSeconds: 600, mode: 0o440 }]);
});

test('what cannot be a volume', () => {
  const rows: [volume: Omit<Volume, 'name'>, message: RegExp][] = [
    [{ configMap: { name: 'no' } }, /configmap "no" not found/],
    [{ secret: { secretName: 'no' } }, /secret "no" not found/],
    [{ configMap: { name: 'cm', items: [{ key: 'no', path: 'x' }] } }, /configmap "cm" references non-existent config key: no/],
    [{ configMap: { name: 'cm', items: [{ key: 'a', path: '../x' }] } }, /must be relative/],
    [{ configMap: { name: 'cm', items: [{ key: 'a', path: '/x' }] } }, /must be relative/],
    [{ projected: { sources: [{ serviceAccountToken: { path: 'a/../../b' } }] } }, /must be relative/],
    [{ nfs: { server: 'x', path: '/' } }, /volumes of kind nfs are not offered/],
    [{}, /volumes of kind nothing/],
  ];
  for (const [volume, message] of rows)
    assert.throws(
      () => plan(volume),
      (error: Error) => error instanceof VolumeError && message.test(error.message),
      JSON.stringify(volume),
    );
});

test('files change all at once and old ones go', () => {
  const place = join(folder, 'atomic');
  const file = (path: string, content: string, mode = 0o644) => ({ path, content: Buffer.from(content), mode });
  assert.equal(writeAtomicFolder(place, [file('a', '1'), file('d/b', '2', 0o600)], 't1'), true);
  assert.deepEqual(readdirSync(place).sort(), ['..data', '..t1', 'a', 'd']);
  assert.equal(readlinkSync(join(place, 'a')), '..data/a');
  assert.equal(statSync(join(place, 'd/b')).mode & 0o777, 0o600);
  assert.equal(writeAtomicFolder(place, [file('a', '1'), file('d/b', '2', 0o600)], 't2'), false);
  assert.equal(writeAtomicFolder(place, [file('a', '3'), file('c', '4')], 't1'), true);
  assert.deepEqual(readdirSync(place).sort(), ['..data', '..t1.1', 'a', 'c']);
  assert.equal(readFileSync(join(place, 'a'), 'utf8'), '3');
  assert.equal(writeAtomicFolder(place, [], 't3'), true);
  assert.deepEqual(readdirSync(place).sort(), ['..data', '..t3']);
});

test('tokens are renewed at 80 % of their life and survive a deaf issuer until their end', async () => {
  let nowMs = 0;
  let issued = 0;
  let isDeaf = false;
  const volumes = new PodVolumes({
    memoryDir: join(folder, 'tokens'),
    diskDir: join(folder, 'tokens-disk'),
    fsGroup: undefined,
    hostPathRoots: [],
    volumesRoot: undefined,
    now: () => new Date(nowMs),
    issueToken: async (audience, seconds) => {
      if (isDeaf) throw new Error('deaf');
      return { token: `${audience}-${++issued}`, expirationTimestamp: new Date(nowMs + seconds * 1000).toISOString() };
    },
  });
  const plans = [
    { kind: 'files', name: 'v', files: [], tokens: [{ path: 'token', audience: 'x', expirationSeconds: 1000, mode: 0o644 }] } as const,
  ];
  const token = () => readFileSync(join(volumes.folder('v')!, 'token'), 'utf8');
  assert.equal(await volumes.apply(plans), 800_000);
  nowMs = 799_000;
  await volumes.apply(plans);
  assert.equal(token(), 'x-1');
  isDeaf = true;
  nowMs = 900_000;
  assert.equal(await volumes.apply(plans), 910_000);
  assert.equal(token(), 'x-1');
  nowMs = 1_000_000;
  await assert.rejects(volumes.apply(plans), /failed to fetch token: deaf/);
  isDeaf = false;
  assert.equal(await volumes.apply(plans), 1_800_000);
  assert.equal(token(), 'x-2');
});

test('mounts: outer before inner, links of the root followed, places that must not be covered', () => {
  const data = join(folder, 'data');
  mkdirSync(data, { recursive: true });
  const mount = (mountPath: string, more: object = {}) => ({ name: 'v', mountPath, ...more });
  const resolve = (...volumeMounts: ReturnType<typeof mount>[]) => {
    const mounts = resolveMounts({ name: 'c', image: 'i', volumeMounts }, (name) => (name === 'v' ? data : undefined), { WHO: 'me' });
    mounts.release();
    return mounts.entries;
  };
  assert.deepEqual(
    resolve(mount('/a/b/c'), mount('/a', { readOnly: true }), mount('/var/run/x/')).map(({ target }) => target),
    ['/a', '/run/x', '/a/b/c'],
  );
  assert.deepEqual(resolve(mount('/a', { readOnly: true })), [{ kind: 'bind', source: data, target: '/a', isReadOnly: true }]);
  // A sub-path that does not exist is made, and held by a descriptor.
  const [entry] = resolve(mount('/a', { subPathExpr: 'logs/$(WHO)' }));
  assert.ok(entry?.kind === 'bind');
  assert.match(entry.source, /^\/proc\/\d+\/fd\/\d+$/);
  assert.ok(statSync(join(data, 'logs/me')).isDirectory());
  for (const bad of ['/', '/proc', '/proc/sys', '/x/../proc', '/etc', '/etc/', '/etc/ld.so.preload', '/.palisade', '/.palisade/setpriv'])
    assert.throws(() => resolve(mount(bad)), /cannot be mounted at/, bad);
  assert.throws(() => resolve(mount('/a', { subPath: '../x' })), /must be relative/);
  assert.throws(() => resolve({ name: 'w', mountPath: '/a' }), /names no volume/);
});

test('claims: the folder behind, and why there is none', () => {
  const claim = (claimName: string) => plan({ persistentVolumeClaim: { claimName } });
  assert.deepEqual(claim('own'), { kind: 'local', name: 'v', path: '/state/own' });
  assert.deepEqual(claim('host'), { kind: 'host', name: 'v', path: '/data', type: 'Directory' });
  for (const [name, why] of [
    ['nobody', /persistentvolumeclaim "nobody" not found/],
    ['new', /persistentvolumeclaim "new" is not bound/],
    ['lost', /persistentvolume "pv-gone" not found/],
    ['stolen', /persistentvolume "pv-own" belongs to another claim/],
    ['nfs', /persistentvolume "pv-nfs" is no folder/],
  ] as const)
    assert.throws(() => claim(name), { name: 'VolumeError', message: why });
});

test('the claim of an ephemeral volume must have been made for the pod', () => {
  const ephemeral = { ephemeral: { volumeClaimTemplate: { spec: {} } } };
  const [name, claim] = claimNamed('p-v', 'pv-scratch');
  persistentVolumes.set(...volumeNamed('pv-scratch', name, { hostPath: { path: '/state/scratch' } }, 'palisade.dev/local-path'));
  const owned = (uid: string) => claims.set(name, { ...claim, metadata: { ...claim.metadata, ownerReferences: [owner(uid)] } });
  const owner = (uid: string) => ({ apiVersion: 'v1', kind: 'Pod', name: 'p', uid, controller: true });
  claims.set(name, claim);
  assert.throws(() => plan(ephemeral), { name: 'VolumeError', message: /PVC "p-v" was not created for pod "n\/p" \(pod is not owner\)/ });
  owned('uid-of-its-predecessor');
  assert.throws(() => plan(ephemeral), { name: 'VolumeError', message: /pod is not owner/ });
  owned('uid-pod');
  assert.deepEqual(plan(ephemeral), { kind: 'local', name: 'v', path: '/state/scratch' });
});

test('a claim’s folder is made once, keeps its content, and lies directly below the cluster’s folder', async () => {
  const root = join(folder, 'claims');
  const make = (path: string, volumesRoot: string | undefined) => {
    const volumes = new PodVolumes({
      memoryDir: join(folder, 'claims-memory'),
      diskDir: join(folder, 'claims-disk'),
      fsGroup: undefined,
      hostPathRoots: [],
      volumesRoot,
      now: () => new Date(0),
      issueToken: () => Promise.reject(new Error('no tokens here')),
    });
    return volumes.apply([{ kind: 'local', name: 'v', path }]).then(() => volumes);
  };
  const first = await make(join(root, 'pvc-1'), root);
  assert.equal(statSync(join(root, 'pvc-1')).mode & 0o7777, 0o777);
  writeFileSync(join(root, 'pvc-1', 'kept'), 'yes');
  await first.release();
  const second = await make(join(root, 'pvc-1'), root);
  assert.equal(readFileSync(join(second.folder('v')!, 'kept'), 'utf8'), 'yes');
  for (const path of [
    join(root, '..', 'elsewhere'),
    join(root, 'pvc-1', 'below'),
    '/etc',
    root,
    `${root}/..`,
    `${root}/.`,
    `${root}/pvc-1/..`,
  ])
    await assert.rejects(make(path, root), VolumeError, path);
  await assert.rejects(make(join(root, 'pvc-1'), undefined));
});
