import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { isolated } from '../../network/testing/isolate.ts';
import type { Container } from '../pod-types.ts';
import { isReady, pause, startTestNode, type TestNode } from '../testing/test-node.ts';

const core = (resource: string) => ({ group: '', version: 'v1', resource });
const SLEEP = ['sh', '-c', 'exec sleep 1000'];
const base64 = (text: string) => Buffer.from(text).toString('base64');

isolated(fileURLToPath(import.meta.url), () => {
  let node: TestNode;
  before(async () => {
    node = await startTestNode({ tokenSeconds: 4 });
    const create = (resource: string, kind: string, name: string, body: object) =>
      node.client.create(core(resource), { apiVersion: 'v1', kind, metadata: { name, namespace: 'default' }, ...body });
    await create('configmaps', 'ConfigMap', 'settings', {
      data: { color: 'red', 'app.conf': 'a=1\n' },
      binaryData: { raw: base64('\u0001\u0002') },
    });
    await create('secrets', 'Secret', 'login', { data: { user: base64('joe'), password: base64('päss') } });
    await create('services', 'Service', 'db', { spec: { clusterIP: '10.96.0.20', ports: [{ name: 'web', port: 80, protocol: 'TCP' }] } });
  });
  after(() => node.stop());

  const run = (pod: string, script: string, container = 'main') =>
    node.exec(pod, ['sh', '-c', script], container).then(({ stdout }) => stdout);

  test('variables from everywhere, and command expansion', async () => {
    const main: Container = {
      name: 'main',
      image: 'debian',
      command: ['sh', '-c', 'echo "$1"; exec sleep 1000', 'sh'],
      args: ['$(COLOR)-$(MISSING)-$$(COLOR)'],
      resources: { limits: { cpu: '500m', memory: '64Mi' } },
      envFrom: [
        { prefix: 'S_', configMapRef: { name: 'settings' } },
        { secretRef: { name: 'login' } },
        { configMapRef: { name: 'absent', optional: true } },
      ],
      env: [
        { name: 'COLOR', valueFrom: { configMapKeyRef: { name: 'settings', key: 'color' } } },
        { name: 'GREETING', value: 'hi $(user) at $(DB_SERVICE_HOST)' },
        { name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
        { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
        { name: 'CPU', valueFrom: { resourceFieldRef: { resource: 'limits.cpu', divisor: '1m' } } },
        { name: 'MEMORY', valueFrom: { resourceFieldRef: { resource: 'limits.memory', divisor: '1Mi' } } },
      ],
    };
    await node.createPod('env', { containers: [main] }, { labels: { app: 'x' } });
    await node.untilLogs('env', 'red-$(MISSING)-$(COLOR)\n');
    const env = Object.fromEntries(
      (await run('env', 'env'))
        .trim()
        .split('\n')
        .map((line) => line.split(/=(.*)/s)),
    );
    const expected: Record<string, string> = {
      S_color: 'red',
      user: 'joe',
      password: 'päss',
      GREETING: 'hi joe at 10.96.0.20',
      NODE: 'node1',
      CPU: '500',
      MEMORY: '64',
      DB_SERVICE_PORT_WEB: '80',
      DB_PORT_80_TCP: 'tcp://10.96.0.20:80',
      HOSTNAME: 'env',
      HOME: '/root',
    };
    for (const [name, value] of Object.entries(expected)) assert.equal(env[name], value, name);
    assert.match(env['IP'] ?? '', /^10\.244\.1\./);
    assert.equal(
      Object.keys(env).some((name) => name.startsWith('PALISADE') || name === 'LD_LIBRARY_PATH'),
      false,
    );
  });

  test('a missing object is named, and starts the container once it exists', async () => {
    await node.createPod('waiting', {
      containers: [
        {
          name: 'main',
          image: 'debian',
          command: SLEEP,
          env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'later', key: 'a' } } }],
        },
      ],
    });
    const pod = await node.until(
      'waiting',
      (each) => each.status?.containerStatuses?.[0]?.state.waiting?.reason === 'CreateContainerConfigError',
    );
    assert.equal(pod.status?.containerStatuses?.[0]?.state.waiting?.message, 'configmap "later" not found');
    await node.client.create(core('configmaps'), {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'later', namespace: 'default' },
      data: { a: 'there' },
    } as never);
    await node.until('waiting', isReady, 5000);
    assert.equal(await run('waiting', 'echo $A'), 'there\n');
  });

  test('volumes: shared, in memory, config files with modes, downward API, tokens that rotate', async () => {
    const volumeMounts = [
      { name: 'shared', mountPath: '/shared' },
      { name: 'memory', mountPath: '/memory' },
      { name: 'conf', mountPath: '/etc/app', readOnly: true },
      { name: 'conf', mountPath: '/etc/single.conf', subPath: 'app.conf' },
      { name: 'conf', mountPath: '/usr/share/palisade-test/deep', readOnly: true },
      { name: 'secret', mountPath: '/secret', readOnly: true },
      { name: 'about', mountPath: '/about' },
      { name: 'token', mountPath: '/var/run/secrets/tokens', readOnly: true },
    ];
    await node.createPod(
      'volumes',
      {
        containers: [
          { name: 'main', image: 'debian', command: SLEEP, volumeMounts },
          { name: 'other', image: 'busybox', command: SLEEP, volumeMounts: [{ name: 'shared', mountPath: '/theirs', readOnly: true }] },
        ],
        volumes: [
          { name: 'shared', emptyDir: {} },
          { name: 'memory', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } },
          {
            name: 'conf',
            configMap: {
              name: 'settings',
              items: [
                { key: 'app.conf', path: 'app.conf' },
                { key: 'color', path: 'sub/color', mode: 0o600 },
              ],
            },
          },
          { name: 'secret', secret: { secretName: 'login', defaultMode: 0o400 } },
          { name: 'about', downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } },
          {
            name: 'token',
            projected: {
              sources: [
                { serviceAccountToken: { path: 'token', audience: 'vault', expirationSeconds: 600 } },
                { configMap: { name: 'settings', items: [{ key: 'color', path: 'color' }] } },
              ],
            },
          },
        ],
      },
      { labels: { app: 'web', tier: 'front' } },
    );
    await node.until('volumes', isReady);
    await run('volumes', 'echo from-main > /shared/file');
    assert.equal(await run('volumes', 'cat /theirs/file; echo x > /theirs/y 2>/dev/null || echo refused', 'other'), 'from-main\nrefused\n');
    assert.equal(await run('volumes', 'dd if=/dev/zero of=/memory/big bs=64k count=64 2>/dev/null; stat -c %s /memory/big'), '1048576\n');
    assert.equal(
      await run(
        'volumes',
        'cat /etc/app/app.conf /etc/single.conf /usr/share/palisade-test/deep/app.conf; stat -L -c %a /etc/app/sub/color /etc/app/app.conf; cat /etc/app/sub/color',
      ),
      'a=1\na=1\na=1\n600\n644\nred',
    );
    assert.equal(await run('volumes', 'ls /usr/share | grep -c .').then((count) => Number(count) > 5), true);
    assert.equal(await run('volumes', 'cat /secret/user; stat -L -c %a /secret/password'), 'joe400\n');
    assert.equal(await run('volumes', 'cat /about/labels'), 'app="web"\ntier="front"');
    assert.equal(await run('volumes', 'cat /run/secrets/tokens/color'), 'red');
    // The node writes here again and again: a link planted there would lead it out.
    for (const folder of ['/etc/app', '/secret', '/about', '/run/secrets/tokens'])
      assert.equal(await run('volumes', `ln -s / ${folder}/x 2>/dev/null || echo refused`), 'refused\n', folder);
    const first = await run('volumes', 'cat /var/run/secrets/tokens/token');
    assert.match(first, /^token-volumes-vault-\d+$/);
    // The test's tokens live 4 s: the next one comes after 80 % of that.
    let later = first;
    for (let tries = 0; later === first; tries++) {
      assert.ok(tries < 100, 'not rotated');
      await pause(100);
      later = await run('volumes', 'cat /var/run/secrets/tokens/token');
    }
    // A changed ConfigMap changes all its files at once; what was mounted by subPath stays.
    await node.client.update(core('configmaps'), {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'settings', namespace: 'default' },
      data: { color: 'blue', 'app.conf': 'a=2\n' },
    } as never);
    for (let tries = 0; (await run('volumes', 'cat /etc/app/app.conf /etc/app/sub/color')) !== 'a=2\nblue'; tries++) {
      assert.ok(tries < 100, 'not updated');
      await pause(50);
    }
    assert.equal(await run('volumes', 'cat /etc/single.conf'), 'a=1\n');
  });

  test('a volume that cannot be made yet keeps the pod waiting', async () => {
    await node.createPod('unmounted', {
      containers: [{ name: 'main', image: 'debian', command: SLEEP, volumeMounts: [{ name: 'v', mountPath: '/v' }] }],
      volumes: [{ name: 'v', secret: { secretName: 'comes-later' } }],
    });
    for (let tries = 0; !(await node.events('FailedMount')).some((text) => text.includes('secret "comes-later" not found')); tries++) {
      assert.ok(tries < 200);
      await pause(10);
    }
    assert.equal((await node.getPod('unmounted')).status?.containerStatuses?.[0]?.state.waiting?.reason, 'ContainerCreating');
    await node.client.create(core('secrets'), {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'comes-later', namespace: 'default' },
      data: { k: base64('v') },
    } as never);
    await node.until('unmounted', isReady, 5000);
    assert.equal(await run('unmounted', 'cat /v/k'), 'v');
    await node.createPod('claims', {
      containers: [{ name: 'main', image: 'debian', command: SLEEP }],
      volumes: [{ name: 'v', nfs: { server: '192.0.2.1', path: '/' } }],
    });
    for (let tries = 0; !(await node.events('FailedMount')).some((text) => text.includes('volumes of kind nfs are not offered')); tries++) {
      assert.ok(tries < 200);
      await pause(10);
    }
  });

  test('users, groups, capabilities, read-only root', async () => {
    await node.createPod('secured', {
      securityContext: { runAsUser: 1000, runAsGroup: 2000, fsGroup: 3000, supplementalGroups: [4000] },
      containers: [
        { name: 'main', image: 'debian', command: SLEEP, workingDir: '/srv/here', volumeMounts: [{ name: 'v', mountPath: '/v' }] },
        {
          name: 'root',
          image: 'debian',
          command: SLEEP,
          securityContext: { runAsUser: 0, capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] }, readOnlyRootFilesystem: true },
          volumeMounts: [{ name: 'v', mountPath: '/v' }],
        },
        { name: 'admin', image: 'debian', command: SLEEP, securityContext: { runAsUser: 0, capabilities: { add: ['NET_ADMIN'] } } },
        { name: 'privileged', image: 'debian', command: SLEEP, securityContext: { runAsUser: 0, privileged: true } },
        { name: 'toomuch', image: 'debian', command: SLEEP, securityContext: { runAsUser: 0, capabilities: { add: ['SYS_ADMIN'] } } },
        { name: 'nonroot', image: 'debian', command: SLEEP, securityContext: { runAsUser: 0, runAsNonRoot: true } },
      ],
      volumes: [{ name: 'v', emptyDir: {} }],
    });
    const pod = await node.until(
      'secured',
      (each) =>
        each.status?.containerStatuses?.every(({ state }) => state.running || state.waiting?.reason === 'CreateContainerConfigError') ??
        false,
    );
    assert.equal(
      await run('secured', 'id -u; id -g; id -G; pwd; echo x > /v/file; stat -c %g /v/file; echo out > /dev/stdout'),
      '1000\n2000\n2000 3000 4000\n/srv/here\n3000\nout\n',
    );
    assert.equal(
      await run(
        'secured',
        'grep CapEff /proc/self/status | cut -f2; touch /x /tmp/x /etc/x /run/x 2>/dev/null || echo refused; ls /tmp; touch /v/y && echo volume',
        'root',
      ),
      '0000000000000400\nrefused\nvolume\n',
    );
    assert.equal(await run('secured', 'grep CapEff /proc/self/status | cut -f2', 'admin'), '00000000a80435fb\n');
    // NET_ADMIN holds in the pod's own network only.
    assert.equal(await run('secured', '/opt/palisade/busybox/ip link set lo mtu 30000 && echo may', 'admin'), 'may\n');
    const privileged = Number.parseInt(await run('secured', 'grep CapEff /proc/self/status | cut -f2', 'privileged'), 16);
    // SYS_ADMIN (21), SYS_MODULE (16), SYS_RAWIO (17), SYS_PTRACE (19), SYS_BOOT (22), SYS_TIME (25) reach the machine.
    for (const bit of [16, 17, 19, 21, 22, 25]) assert.equal(Math.floor(privileged / 2 ** bit) % 2, 0, `capability ${bit}`);
    const waiting = (name: string) => pod.status?.containerStatuses?.find((each) => each.name === name)?.state.waiting?.message;
    assert.match(waiting('toomuch') ?? '', /Cannot add capability "SYS_ADMIN"/);
    assert.match(waiting('nonroot') ?? '', /runAsUser breaks non-root policy/);
  });

  test('files of the pod: hosts, hostname, resolv.conf, users', async () => {
    await node.createPod('files', {
      hostname: 'named',
      subdomain: 'sub',
      hostAliases: [{ ip: '192.0.2.1', hostnames: ['alias.example'] }],
      containers: [{ name: 'main', image: 'debian', command: SLEEP }],
    });
    await node.until('files', isReady);
    assert.match(
      await run('files', 'cat /etc/hosts'),
      /10\.244\.1\.\d+\tnamed\.sub\.default\.svc\.cluster\.local\tnamed\n.*192\.0\.2\.1\talias\.example\n/s,
    );
    assert.equal(
      await run('files', 'cat /etc/hostname; hostname; cat /etc/resolv.conf; id -un'),
      'named\nnamed\nnameserver 10.96.0.10\noptions ndots:5\nroot\n',
    );
    assert.equal(await run('files', 'getent hosts alias.example | tr -s " "'), '192.0.2.1 alias.example\n');
  });
});
