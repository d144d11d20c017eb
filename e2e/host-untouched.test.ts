/** Nothing of the host changes: up and down, and `kill -9` of everything followed by `up`. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { launchCluster, stopCluster } from '@palisade/cluster';
import { cannotRunClusters, eventually, run } from './harness.ts';
import { snapshotHost } from './host.ts';

describe('the host', { skip: cannotRunClusters(), timeout: 120_000 }, () => {
  const name = `host-${process.pid}`;
  const launch = () =>
    launchCluster({
      name,
      nodes: ['node1', 'node2'],
      apiPort: 0,
      cacheDir: process.env['PALISADE_CACHE'] ?? join(homedir(), '.cache', 'palisade'),
      imageDirs: [],
      attached: false,
    });

  test('is as it was after up and down, after kill -9, and after up again', async () => {
    const state = mkdtempSync(join(tmpdir(), 'palisade-host-'));
    process.env['PALISADE_STATE'] = state;
    const before = snapshotHost();
    try {
      const first = await launch();
      const env = { ...process.env, KUBECONFIG: first.kubeconfig };
      const kubectl = async (...args: string[]) => {
        const result = await run('kubectl', args, env);
        assert.equal(result.code, 0, `kubectl ${args.join(' ')}: ${result.stderr}`);
        return result.stdout;
      };
      await kubectl(
        'create',
        'deployment',
        'sleeper',
        '--image=busybox',
        '--replicas=2',
        '--',
        'sh',
        '-c',
        'setsid sleep 1000 & sleep 1000',
      );
      await kubectl('rollout', 'status', 'deployment/sleeper', '--timeout=60s');
      const during = snapshotHost();
      for (const part of [
        'firewall',
        'links',
        'addresses',
        'routes',
        'rules',
        'namespaces',
        'resolver',
        'mounts',
        'forwarding',
        'packages',
      ] as const) {
        assert.equal(during[part], before[part], `${part} while the cluster runs`);
      }
      assert.notEqual(during.processes, before.processes, 'the snapshot can see a difference');

      const lock = JSON.parse(readFileSync(join(state, name, 'supervisor.json'), 'utf8')) as { pid: number };
      const [shell] = readFileSync(`/proc/${lock.pid}/task/${lock.pid}/children`, 'utf8').trim().split(' ').map(Number);
      const [supervisor] = readFileSync(`/proc/${shell}/task/${shell}/children`, 'utf8').trim().split(' ').map(Number);
      process.kill(supervisor!, 'SIGKILL');
      await eventually('every process is gone', 10_000, async () => snapshotHost().processes === before.processes);

      const second = await launch();
      assert.equal(second.started, true);
      env.KUBECONFIG = second.kubeconfig;
      await kubectl('rollout', 'status', 'deployment/sleeper', '--timeout=60s');
      assert.equal((await kubectl('get', 'pods', '-l', 'app=sleeper', '-o', 'name')).trim().split('\n').length, 2, 'pods are not doubled');
      assert.deepEqual(await stopCluster(name, { purge: true }), { wasRunning: true });
      assert.deepEqual(snapshotHost(), before);
    } finally {
      await stopCluster(name, { purge: true });
      rmSync(state, { recursive: true, force: true });
    }
  });
});
