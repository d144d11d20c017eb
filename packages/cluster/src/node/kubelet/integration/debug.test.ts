import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { isolated } from '../../network/testing/isolate.ts';
import type { Container, ContainerStatus, Pod } from '../pod-types.ts';
import { isReady, startTestNode, type TestNode } from '../testing/test-node.ts';

const PODS = { group: '', version: 'v1', resource: 'pods' };
const debugStatus = (pod: Pod, name = 'debugger'): ContainerStatus | undefined =>
  pod.status?.ephemeralContainerStatuses?.find((each) => each.name === name);

isolated(fileURLToPath(import.meta.url), () => {
  let node: TestNode;
  before(async () => {
    node = await startTestNode();
  });
  after(() => node.stop());

  async function addDebugger(name: string, container: Partial<Container>): Promise<void> {
    const pod = await node.getPod(name);
    const added = { name: 'debugger', image: 'busybox', ...container };
    await node.client.update(PODS, {
      ...pod,
      spec: { ...pod.spec, ephemeralContainers: [...(pod.spec.ephemeralContainers ?? []), added] },
    });
  }

  /** Ready says that a program was started, not how far it got. @returns the command lines once all of these are among them */
  async function programs(pod: string, container: string, ...wanted: string[]): Promise<string[]> {
    for (let tries = 0; ; tries++) {
      const { stdout } = await node.exec(pod, ['ps', '-e', '-o', 'args'], container);
      const seen = stdout.split('\n');
      if (wanted.every((each) => seen.includes(each))) return seen;
      assert.ok(tries < 200, stdout);
    }
  }

  test('an ephemeral container with a target sees its processes; leftovers end with it; it is not started again', async () => {
    await node.createPod('target', { containers: [{ name: 'main', image: 'debian', command: ['sh', '-c', 'exec sleep 1001'] }] });
    await node.until('target', isReady);
    await addDebugger('target', {
      targetContainerName: 'main',
      command: ['sh', '-c', 'ls /proc/self/fd | wc -l; (sleep 1002 &); cat; exit 3'],
      stdin: true,
    });
    const running = await node.until('target', (pod) => debugStatus(pod)?.state.running !== undefined);
    assert.equal(debugStatus(running)!.ready, false);
    assert.equal('started' in debugStatus(running)!, false);
    assert.equal(isReady(running), true);
    // 0, 1, 2 and the listing's own: no descriptor of the node is handed in.
    await node.untilLogs('target', '4\n', 'debugger');
    await programs('target', 'debugger', 'sleep 1001');
    await programs('target', 'main', 'sleep 1002', 'cat');
    // A root of its own: the target's own files are not there.
    assert.equal((await node.exec('target', ['sh', '-c', 'echo mine > /tmp/x; ls /tmp'], 'debugger')).stdout, 'x\n');
    assert.equal((await node.exec('target', ['ls', '/tmp'])).stdout, '');
    const session = await node.kubelet.attach('default', 'target', { container: 'debugger', tty: false, stdin: true });
    session.kill();
    await node.exec('target', ['sh', '-c', 'kill $(pidof cat)'], 'debugger');
    const ended = await node.until('target', (pod) => debugStatus(pod)?.state.terminated !== undefined);
    assert.equal(debugStatus(ended)!.state.terminated!.exitCode, 3);
    assert.equal(debugStatus(ended)!.restartCount, 0);
    const left = await node.exec('target', ['ps', '-e', '-o', 'args']);
    assert.doesNotMatch(left.stdout, /sleep 1002/);
    assert.match(left.stdout, /sleep 1001/);
    await node.deletePod('target');
    await node.untilGone('target');
  });

  test('a debugger ends with its target; one whose target is not there says so', async () => {
    await node.createPod('once', {
      restartPolicy: 'Never',
      containers: [
        { name: 'main', image: 'debian', command: ['sh', '-c', 'exec sleep 1003'] },
        { name: 'other', image: 'debian', command: ['sh', '-c', 'exec sleep 1004'] },
      ],
    });
    await node.until('once', isReady);
    await addDebugger('once', { targetContainerName: 'nobody', command: ['true'] });
    const refused = await node.until('once', (pod) => debugStatus(pod)?.state.waiting?.reason === 'CreateContainerConfigError');
    assert.equal(debugStatus(refused)!.state.waiting!.message, 'unable to find target container nobody');
    await addDebugger('once', { name: 'second', targetContainerName: 'main', command: ['sleep', '1005'] });
    await node.until('once', (pod) => debugStatus(pod, 'second')?.state.running !== undefined);
    await programs('once', 'main', 'sleep 1003', 'sleep 1005');
    await node.exec('once', ['sh', '-c', 'kill $(pgrep -f "^sleep 1003")']);
    const ended = await node.until('once', (pod) => debugStatus(pod, 'second')?.state.terminated !== undefined);
    assert.equal(debugStatus(ended, 'second')!.state.terminated!.exitCode, 137);
    assert.equal(ended.status!.phase, 'Running');
    await node.deletePod('once', 0);
    await node.untilGone('once');
  });

  test('shareProcessNamespace: every container sees the others, signals reach them, roots stay apart', async () => {
    await node.createPod('shared', {
      shareProcessNamespace: true,
      containers: [
        { name: 'main', image: 'debian', command: ['sh', '-c', 'echo main > /tmp/who; exec sleep 1006'] },
        { name: 'side', image: 'busybox', command: ['sh', '-c', '(sleep 1007 &); exec sleep 1008'] },
      ],
    });
    await node.until('shared', isReady);
    await programs('shared', 'side', '/usr/bin/sleep infinity', 'sleep 1006', 'sleep 1007', 'sleep 1008');
    assert.equal((await node.exec('shared', ['ls', '/tmp'], 'side')).stdout, '');
    await node.exec('shared', ['sh', '-c', 'kill -9 $(pgrep -f "^sleep 1008")']);
    const after = await node.until('shared', (pod) => {
      const side = pod.status?.containerStatuses?.find(({ name }) => name === 'side');
      return (side?.restartCount ?? 0) > 0 && isReady(pod);
    });
    assert.equal(after.status!.containerStatuses!.find(({ name }) => name === 'main')!.restartCount, 0);
    const again = await programs('shared', 'main', 'sleep 1007', 'sleep 1008');
    assert.equal(again.filter((each) => each === 'sleep 1007').length, 1, again.join('\n'));
    await node.deletePod('shared');
    await node.untilGone('shared');
  });
});
