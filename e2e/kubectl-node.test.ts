/** The node's side of everyday kubectl: debug, attach and cp. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtempDisposable } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { cannotRunClusters, eventually, startCluster, type TestCluster } from './harness.ts';

describe('kubectl and the node', { skip: cannotRunClusters(), timeout: 240_000 }, () => {
  let cluster: TestCluster;
  before(async () => {
    cluster = await startCluster({ nodes: ['node1', 'node2'] });
    await cluster.apply(`
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers:
  - {name: main, image: debian, command: [sh, -c, 'exec sleep 4001']}
---
apiVersion: v1
kind: Pod
metadata: {name: talker}
spec:
  containers:
  - {name: main, image: busybox, stdin: true, command: [sh, -c, 'while read line; do echo "heard $line"; done; sleep 4002']}
---
apiVersion: v1
kind: Pod
metadata: {name: family}
spec:
  shareProcessNamespace: true
  containers:
  - {name: one, image: busybox, command: [sh, -c, 'exec sleep 4003']}
  - {name: two, image: busybox, command: [sh, -c, 'exec sleep 4004']}
`);
    await cluster.kubectlOk('wait', '--for=condition=Ready', 'pod', '--all', '--timeout=60s');
  });
  after(() => cluster?.stop());

  test('debug adds a container that sees the processes of its target; it is listed and not removed', async () => {
    const script = 'ps -e -o args | grep "sleep 400[1]"; ps -e | wc -l; echo debugged';
    const made = await cluster.kubectl('debug', 'web', '--image=busybox', '--target=main', '-c', 'spy', '--', 'sh', '-c', script);
    assert.equal(made.code, 0, made.stderr);
    const logs = await eventually('logs of the debugger', 20_000, async () => {
      const text = await cluster.kubectlOk('logs', 'web', '-c', 'spy');
      return text.includes('debugged') && text;
    });
    assert.match(logs, /^sleep 4001$/m);
    assert.match(await cluster.kubectlOk('describe', 'pod', 'web'), /Ephemeral Containers:\s+spy:/);
    const path = 'jsonpath={.status.ephemeralContainerStatuses[0].state.terminated.exitCode} {.status.phase}';
    assert.equal(await cluster.kubectlOk('get', 'pod', 'web', '-o', path), '0 Running');
    const changed = await cluster.kubectl(
      'patch',
      'pod',
      'web',
      '--subresource=ephemeralcontainers',
      '--type=json',
      '-p',
      '[{"op":"remove","path":"/spec/ephemeralContainers/0"}]',
    );
    assert.notEqual(changed.code, 0, 'an ephemeral container was removed');
  });

  test('debug -it gives a terminal in the target’s process namespace', async () => {
    const shell = await cluster.kubectlWithTerminal(['debug', 'web', '-it', '--image=busybox', '--target=main', '-c', 'shell', '--', 'sh']);
    try {
      await shell.until(/ready-42/, 'echo ready-$((40+2))\r', true);
      await shell.until(/yes-4001/, 'grep -q "sleep.4001" /proc/[0-9]*/cmdline && echo yes-$((4000+1))\r');
      await shell.until(/\d+ \d+/, 'stty size\r');
      shell.type('exit 0\r');
      assert.equal(await shell.exit, 0, shell.seen());
    } finally {
      shell.end();
    }
  });

  test('debug --copy-to makes a copy with one more container', async () => {
    await cluster.kubectlOk(
      'debug',
      'web',
      '--image=busybox',
      '--copy-to=web-copy',
      '--share-processes',
      '-c',
      'spy',
      '--',
      'sleep',
      '4005',
    );
    await cluster.kubectlOk('wait', '--for=condition=Ready', 'pod/web-copy', '--timeout=30s');
    assert.match(await cluster.kubectlOk('exec', 'web-copy', '-c', 'spy', '--', 'ps', '-e', '-o', 'args'), /sleep 4001/);
  });

  test('shareProcessNamespace: one container ends the other’s program, which is started again', async () => {
    assert.match(await cluster.kubectlOk('exec', 'family', '-c', 'one', '--', 'ps', '-e', '-o', 'args'), /sleep 4004/);
    await cluster.kubectlOk('exec', 'family', '-c', 'one', '--', 'sh', '-c', 'kill -9 $(pgrep -f "^sleep 4004")');
    await eventually('restart of the other', 20_000, async () => {
      const path = 'jsonpath={.status.containerStatuses[*].restartCount}';
      return (await cluster.kubectlOk('get', 'pod', 'family', '-o', path)) === '0 1';
    });
  });

  test('attach joins the program’s own streams', async () => {
    const attached = await cluster.kubectlWithTerminal(['attach', '-i', 'talker']);
    try {
      await attached.until(/heard \r?\n/, '\r', true);
      await attached.until(/heard first/, 'first\r');
      await attached.until(/heard second/, 'second\r');
    } finally {
      attached.end();
    }
    assert.match(await cluster.kubectlOk('logs', 'talker'), /heard first\nheard second/);
    const stillThere = await cluster.kubectlOk('get', 'pod', 'talker', '-o', 'jsonpath={.status.containerStatuses[0].restartCount}');
    assert.equal(stillThere, '0');
  });

  test('cp carries files and folders both ways, byte for byte', async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'palisade-cp-'));
    const bytes = randomBytes(300_000);
    const [there, back] = [join(folder.path, 'there.bin'), join(folder.path, 'back.bin')];
    writeFileSync(there, bytes);
    for (const [pod, container] of [
      ['web', 'main'],
      ['family', 'two'],
    ] as const) {
      await cluster.kubectlOk('cp', there, `${pod}:/tmp/copied.bin`, '-c', container);
      await cluster.kubectlOk('cp', `${pod}:tmp/copied.bin`, back, '-c', container);
      assert.ok(readFileSync(back).equals(bytes), pod);
    }
    await cluster.kubectlOk('exec', 'web', '-c', 'main', '--', 'sh', '-c', 'mkdir -p /tmp/tree/a/b && echo deep > /tmp/tree/a/b/file');
    await cluster.kubectlOk('cp', 'web:/tmp/tree', join(folder.path, 'tree'), '-c', 'main');
    assert.equal(readFileSync(join(folder.path, 'tree/a/b/file'), 'utf8'), 'deep\n');
  });

  test('top shows what pods and nodes use', async () => {
    await cluster.kubectlOk('run', 'busy', '--image=busybox', '--', 'timeout', '60', 'sh', '-c', 'while :; do :; done');
    const cpuOf = (table: string, name: string) => Number(new RegExp(`^${name}\\s+(\\d+)m\\s+\\d+Mi`, 'm').exec(table)?.[1]);
    const busy = await eventually('figures of a busy pod', 40_000, async () => {
      const cpu = cpuOf(await cluster.kubectlOk('top', 'pods'), 'busy');
      return cpu > 100 && cpu;
    });
    assert.ok(busy <= 2000, `one loop cannot use ${busy}m`);
    const node = await cluster.kubectlOk('get', 'pod', 'busy', '-o', 'jsonpath={.spec.nodeName}');
    assert.ok(cpuOf((await cluster.kubectlOk('top', 'nodes')).replaceAll(/\s+\d+%/g, ''), node) > 100);
    assert.match(await cluster.kubectlOk('top', 'pods', '--containers', '-l', 'run=busy'), /^busy\s+busy\s+/m);
    assert.match(await cluster.kubectlOk('api-resources', '--api-group=metrics.k8s.io'), /PodMetrics/);
    await cluster.kubectlOk('delete', 'pod', 'busy', '--grace-period=0', '--force');
  });

  test('a StatefulSet keeps its data over pods; the data goes with the claim', async () => {
    await cluster.apply(`
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  replicas: 2
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      terminationGracePeriodSeconds: 0
      securityContext: {runAsUser: 1000, fsGroup: 2000}
      containers:
      - name: main
        image: busybox
        command: [sh, -c, 'hostname >> /data/names; exec sleep 4006']
        volumeMounts: [{name: data, mountPath: /data}]
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
`);
    await cluster.kubectlOk('rollout', 'status', 'statefulset/db', '--timeout=60s');
    assert.match(await cluster.kubectlOk('get', 'pvc', 'data-db-1'), /Bound\s+pvc-\S+\s+1Gi\s+RWO\s+local-path/);
    assert.match(await cluster.kubectlOk('get', 'storageclass'), /local-path \(default\)\s+palisade.dev\/local-path\s+Delete\s+Immediate/);
    await cluster.kubectlOk('delete', 'pod', 'db-0');
    await cluster.kubectlOk('rollout', 'status', 'statefulset/db', '--timeout=60s');
    await eventually(
      'data of both pods',
      20_000,
      async () => (await cluster.kubectlOk('exec', 'db-0', '--', 'cat', '/data/names')) === 'db-0\ndb-0\n',
    );
    assert.equal(await cluster.kubectlOk('exec', 'db-1', '--', 'cat', '/data/names'), 'db-1\n');
    const folder = await cluster.kubectlOk('get', 'pv', '-o', 'jsonpath={.items[0].spec.hostPath.path}');
    assert.ok(existsSync(folder), folder);
    await cluster.kubectlOk('delete', 'pvc', '--all', '--wait=false');
    assert.match(await cluster.kubectlOk('get', 'pvc', 'data-db-0'), /Terminating/);
    await cluster.kubectlOk('delete', 'statefulset', 'db');
    await eventually('volumes gone', 20_000, async () => (await cluster.kubectlOk('get', 'pv,pvc', '-A', '-o', 'name')) === '');
    assert.equal(existsSync(folder), false);
  });
});
