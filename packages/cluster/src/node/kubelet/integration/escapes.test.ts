import assert from 'node:assert/strict';
import { closeSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { isolated } from '../../network/testing/isolate.ts';
import { allowInheritance } from '../testing/inherit.ts';
import { isReady, startTestNode, type TestNode } from '../testing/test-node.ts';

/** A descriptor that children inherit, as the ones a process is started with. */
function openInheritable(path: string): number {
  const fd = openSync(path, 'r');
  allowInheritance(fd);
  return fd;
}

function readTextOr(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

const SLEEP = ['sh', '-c', 'exec sleep 1000'];

isolated(fileURLToPath(import.meta.url), () => {
  let node: TestNode;
  let shared: string;
  let open: number;
  before(async () => {
    shared = mkdtempSync(join(tmpdir(), 'palisade-hostpath-'));
    open = openInheritable('/etc');
    node = await startTestNode({ hostPathRoots: [shared] });
    const token = { name: 'token', projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } };
    const volumeMounts = [{ name: 'token', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount', readOnly: true }];
    for (const name of ['victim', 'attacker']) {
      await node.createPod(name, { containers: [{ name: 'main', image: 'debian', command: SLEEP, volumeMounts }], volumes: [token] });
    }
    await node.until('victim', isReady);
    await node.until('attacker', isReady);
  });
  after(async () => {
    await node.stop();
    closeSync(open);
    rmSync(shared, { recursive: true, force: true });
  });

  const run = async (script: string) => node.exec('attacker', ['sh', '-c', script]);

  test('root in a pod has its own token and nothing of the others', async () => {
    assert.match((await run('cat /var/run/secrets/kubernetes.io/serviceaccount/token')).stdout, /^token-attacker-/);
    const found = await run('find / -xdev -name token -o -name "*.db" 2>/dev/null; find / -path "*[v]ictim*" 2>/dev/null');
    assert.equal(found.stdout.trim(), '');
    const grep = await run('cat /proc/*/environ /proc/*/cmdline 2>/dev/null | tr "\\0" "\\n" | grep -c "[v]ictim"');
    assert.equal(grep.stdout.trim(), '0');
  });

  test("the machine's files cannot be read", async () => {
    const shadow = readFileSync('/etc/shadow', 'utf8').split('\n')[0]!;
    // Every door that leads out of a careless sandbox: roots and working folders of other processes, inherited descriptors.
    const doors = [
      '/etc/shadow',
      '/proc/1/root/etc/shadow',
      '/proc/self/cwd/etc/shadow',
      '/proc/1/cwd/etc/shadow',
      '../../../../etc/shadow',
      join('/proc/*', 'root', 'etc/shadow'),
      '/proc/*/cwd/etc/shadow',
      '/proc/self/fd/*/etc/shadow',
      '/proc/*/fd/*/etc/shadow',
      `/proc/1/root${node.stateDir}/pods`,
      node.stateDir,
    ];
    for (const door of doors) {
      const { stdout } = await run(`cat ${door} 2>/dev/null; ls ${door} 2>/dev/null`);
      assert.equal(stdout, '', door);
      assert.ok(!stdout.includes(shadow), door);
    }
    // Control: the same words read what is there.
    assert.match((await run('cat /proc/self/cwd/etc/passwd')).stdout, /^root:/);
  });

  test('processes of others cannot be seen', async () => {
    const { stdout } = await run('ls -d /proc/[0-9]* | wc -l');
    assert.ok(Number(stdout) < 10, stdout);
    assert.equal((await run('kill -0 200; hostname')).stdout, 'attacker\n');
  });

  test('devices made with mknod cannot be opened', async () => {
    for (const folder of ['/tmp', '/dev', '/dev/shm', '/root', '/var/tmp', '/run']) {
      const made = await run(`cd ${folder} && rm -f disk && mknod disk c 1 1 && echo made; head -c 1 disk`);
      assert.equal(made.stdout, 'made\n', folder);
      assert.match(made.stderr, /Permission denied/, folder);
    }
  });

  test('kernel settings cannot be written', async () => {
    const before = readFileSync('/proc/sys/kernel/core_pattern', 'utf8');
    // The present value, so that a hole would change nothing.
    const { stdout } = await run(
      `printf %s '${before.trim()}' > /proc/sys/kernel/core_pattern && echo written; test -w /proc/sys/kernel/core_pattern && echo writable; echo 0 > /proc/sysrq-trigger && echo written`,
    );
    assert.equal(stdout, '');
    for (const path of ['/proc/sys/vm/overcommit_memory', '/proc/irq/default_smp_affinity']) {
      assert.equal((await run(`test -e ${path} && (cat ${path} | tee ${path}) > /dev/null 2>&1 && echo written`)).stdout, '', path);
    }
    assert.equal((await run('cat /proc/kcore /proc/keys /proc/timer_list 2>/dev/null | head -c 1')).stdout, '');
  });

  test('nothing of the machine can be changed', async () => {
    for (const path of ['/usr/bin/x', '/bin/x', '/opt/palisade/tools/x', '/opt/palisade/bin/x', '/proc/1/exe', '/etc/ssl/certs/x']) {
      const { stdout, stderr } = await run(`echo x >> ${path} && echo written`);
      assert.equal(stdout, '', `${path}: ${stderr}`);
      assert.match(stderr, /Read-only file system|Permission denied|Text file busy/, path);
    }
    assert.equal(
      (
        await run(
          'mount -t tmpfs x /mnt && echo mounted; mount --bind / /mnt && echo mounted; umount /usr && echo unmounted; mount -o remount,rw /usr && echo remounted',
        )
      ).stdout,
      '',
    );
    assert.equal((await run('chroot /proc/1/root /bin/sh -c "cat /etc/shadow" 2>/dev/null')).stdout, '');
  });

  test('capabilities are the container default, and no more by exec', async () => {
    const program = await node.exec('attacker', [
      'sh',
      '-c',
      'grep -E "CapEff|CapBnd|CapAmb|NoNewPrivs" /proc/self/status; grep CapEff /proc/2/status',
    ]);
    assert.deepEqual(program.stdout.match(/\S+$/gm), ['00000000a80425fb', '00000000a80425fb', '0000000000000000', '1', '00000000a80425fb']);
  });

  test('variables reach the program only after privileges are gone', async () => {
    await node.createPod('preload', {
      containers: [
        {
          name: 'main',
          image: 'debian',
          command: SLEEP,
          env: [
            { name: 'LD_PRELOAD', value: '/proc/self/nowhere.so' },
            { name: 'LD_DEBUG', value: 'libs' },
            { name: 'LD_DEBUG_OUTPUT', value: '/tmp/loader' },
          ],
        },
      ],
    });
    await node.until('preload', isReady);
    // The dynamic loader writes one file a program that saw the variables; setpriv, nsenter and bwrap must not be among them.
    const { stdout } = await node.exec('preload', ['sh', '-c', 'cat /tmp/loader.*']);
    assert.match(stdout, /initialize program: (sleep|sh)/);
    assert.doesNotMatch(stdout, /initialize program: \S*(setpriv|nsenter|bwrap|env)\b/);
    await node.deletePod('preload', 0);
  });

  test('what a container puts in the place of the programs that start it never runs with more than its own privileges', async () => {
    // A setpriv that notes what it was given, and goes on as the real one.
    const fake = '#!/usr/bin/sh\\ngrep CapEff /proc/self/status >> /usr/bin/seen\\nexec /usr/bin/real "$@"\\n';
    await node.createPod('cuckoo', {
      initContainers: [
        {
          name: 'copy',
          image: 'debian',
          command: [
            'sh',
            '-c',
            `cd /usr/bin; cp sh env sleep grep cat ln /v; cp setpriv /v/real; printf '${fake}' > /v/setpriv; chmod 755 /v/setpriv`,
          ],
          volumeMounts: [{ name: 'v', mountPath: '/v' }],
        },
      ],
      containers: [{ name: 'main', image: 'debian', command: SLEEP, volumeMounts: [{ name: 'v', mountPath: '/usr/bin' }] }],
      volumes: [{ name: 'v', emptyDir: {} }],
    });
    await node.until('cuckoo', isReady);
    assert.equal((await node.exec('cuckoo', ['cat', '/usr/bin/seen'])).stdout, '');
    // Without a loader nothing of the container's own starts any more, and it is the node's setpriv that says so.
    assert.deepEqual(await node.exec('cuckoo', ['ln', '-sfn', 'nowhere', '/lib64']), { exitCode: 0, stdout: '', stderr: '' });
    assert.match((await node.exec('cuckoo', ['true'])).stderr, /^setpriv: failed to execute \/usr\/bin\/env/);
    await node.deletePod('cuckoo', 0);
  });

  test('the way into a container cannot be changed from inside, nor covered by volumes', async () => {
    const changed = await run(
      'echo /tmp/x.so > /etc/ld.so.preload && echo written; rm -f /etc/ld.so.preload && echo removed; mv /etc/ld.so.preload /etc/x && echo moved; ' +
        'mv /.palisade /x && echo moved; rmdir /.palisade && echo removed; echo x > /.palisade/setpriv && echo written; rm -f /.palisade/loader && echo removed',
    );
    assert.equal(changed.stdout, '');
    await node.createPod('covering', {
      initContainers: [
        {
          name: 'plant',
          image: 'debian',
          command: ['sh', '-c', 'ln -s ../.palisade /v/entry; ln -s ../etc /v/etc; ln -s /newroot /v/root'],
          volumeMounts: [{ name: 'v', mountPath: '/v' }],
        },
      ],
      containers: ['entry', 'etc', 'root'].map((name) => ({
        name,
        image: 'debian',
        command: SLEEP,
        volumeMounts: [
          { name: 'v', mountPath: '/v' },
          { name: 'own', mountPath: `/v/${name}` },
        ],
      })),
      volumes: [
        { name: 'v', emptyDir: {} },
        { name: 'own', emptyDir: {} },
      ],
    });
    await node.until('covering', (pod) => pod.status?.containerStatuses?.every(({ containerID }) => containerID !== undefined) ?? false);
    for (const name of ['entry', 'etc', 'root'])
      await assert.rejects(node.exec('covering', ['true'], name), /cannot be entered|is not running/, name);
    await node.deletePod('covering', 0);
  });

  test('no command line on the machine shows the variables', async () => {
    await node.createPod('secretive', {
      containers: [
        {
          name: 'main',
          image: 'debian',
          command: ['sh', '-c', 'exec sleep 777'],
          env: [
            { name: 'PASSWORD', value: 'it\'s $HOME `x` \n"secret-word"' },
            { name: 'odd.name', value: 'plain' },
          ],
        },
      ],
    });
    await node.until('secretive', isReady);
    const environment = await node.exec('secretive', [
      'sh',
      '-c',
      'printenv PASSWORD; cat /proc/1/cmdline /proc/1/environ | grep -c "secret-[w]ord"',
    ]);
    assert.equal(environment.stdout, `it's $HOME \`x\` \n"secret-word"\n0\n`);
    assert.match((await node.exec('secretive', ['env'])).stdout, /^odd\.name=plain$/m);
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      const line = readTextOr(`/proc/${pid}/cmdline`);
      assert.ok(!line.includes('secret-word'), line);
    }
    assert.deepEqual(readdirSync(join(node.stateDir, '../run')).sort(), ['fixed', 'pods']);
    await node.deletePod('secretive', 0);
  });

  test('no descriptor of the node reaches a container', async () => {
    // Left open on purpose, as a careless shell would: a folder of the machine.
    assert.deepEqual(readdirSync('/proc/self/fd').includes(String(open)), true);
    const listing = 'for fd in /proc/self/fd/*; do readlink $fd; done; true';
    await node.createPod('files', {
      restartPolicy: 'Never',
      containers: [{ name: 'main', image: 'debian', command: ['sh', '-c', listing] }],
    });
    await node.until('files', (pod) => pod.status?.phase === 'Succeeded');
    for (const text of [await node.logs('files'), (await run(listing)).stdout]) {
      const lines = text.trim().split('\n');
      assert.ok(lines.length >= 3, text);
      for (const line of lines) assert.match(line, /^(pipe:\[\d+\]|\/dev\/null|\/proc\/\d+\/fd.*)$/, text);
    }
  });

  test('hostPath stays below the configured folder', async () => {
    mkdirSync(join(shared, 'data'));
    writeFileSync(join(shared, 'data', 'file'), 'shared\n');
    symlinkSync('/etc', join(shared, 'link'));
    const pod = (name: string, path: string) =>
      node.createPod(name, {
        containers: [{ name: 'main', image: 'debian', command: SLEEP, volumeMounts: [{ name: 'v', mountPath: '/data' }] }],
        volumes: [{ name: 'v', hostPath: { path } }],
      });
    await pod('inside', join(shared, 'data'));
    await node.until('inside', isReady);
    assert.equal((await node.exec('inside', ['cat', '/data/file'])).stdout, 'shared\n');
    for (const [index, path] of ['/etc', join(shared, 'link'), join(shared, '../../etc'), '/', `${shared}-other`].entries()) {
      await pod(`outside${index}`, path);
      await node.until(
        `outside${index}`,
        (each) => each.status?.conditions?.some(({ type, status }) => type === 'PodReadyToStartContainers' && status === 'False') ?? false,
      );
    }
    const events = await node.events('FailedMount');
    assert.equal(events.length, 5, events.join('\n'));
    for (const event of events) assert.match(event, /outside the folders that may be shown to pods/);
  });

  test('a link planted in a volume does not lead a subPath out of it', async () => {
    await node.createPod('planter', {
      initContainers: [
        {
          name: 'plant',
          image: 'debian',
          command: ['sh', '-c', 'ln -s /etc /v/out; ln -s /v/real /v/in; ln -s real /v/near; mkdir /v/real; echo inside > /v/real/file'],
          volumeMounts: [{ name: 'v', mountPath: '/v' }],
        },
      ],
      containers: [
        { name: 'main', image: 'debian', command: SLEEP, volumeMounts: [{ name: 'v', mountPath: '/data', subPath: 'near' }] },
        { name: 'bad', image: 'debian', command: SLEEP, volumeMounts: [{ name: 'v', mountPath: '/data', subPath: 'out' }] },
        { name: 'worse', image: 'debian', command: SLEEP, volumeMounts: [{ name: 'v', mountPath: '/data', subPath: 'out/made/here' }] },
      ],
      volumes: [{ name: 'v', emptyDir: {} }],
    });
    const pod = await node.until(
      'planter',
      (each) =>
        each.status?.containerStatuses?.every(({ state }) => state.running || state.waiting?.reason === 'CreateContainerConfigError') ??
        false,
    );
    assert.deepEqual(
      pod.status?.containerStatuses?.map(({ state }) => state.waiting?.reason ?? 'running'),
      ['running', 'CreateContainerConfigError', 'CreateContainerConfigError'],
    );
    assert.equal((await node.exec('planter', ['cat', '/data/file'])).stdout, 'inside\n');
    assert.match(pod.status?.containerStatuses?.[1]?.state.waiting?.message ?? '', /leads outside its volume/);
  });
});
