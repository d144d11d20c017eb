import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { isolated } from '../../network/testing/isolate.ts';
import { isReady, startTestNode, type TestNode } from '../testing/test-node.ts';

isolated(fileURLToPath(import.meta.url), () => {
  let node: TestNode;
  before(async () => {
    node = await startTestNode();
  });
  after(() => node.stop());

  test('a pod runs, tells its status, and goes when deleted', async () => {
    await node.createPod('first', {
      containers: [
        {
          name: 'main',
          image: 'busybox:1.36',
          command: ['sh', '-c', 'echo hello $GREETING; echo bad >&2; exec sleep 1000'],
          env: [{ name: 'GREETING', value: 'world' }],
        },
      ],
    });
    const pod = await node.until('first', isReady);
    assert.equal(pod.status?.phase, 'Running');
    assert.equal(pod.status?.podIP, '10.244.1.10');
    assert.equal(pod.status?.qosClass, 'BestEffort');
    const [status] = pod.status!.containerStatuses!;
    assert.equal(status?.ready, true);
    assert.equal(status?.started, true);
    assert.match(status?.containerID ?? '', /^palisade:\/\/[0-9a-f]{64}$/);
    // Two streams, two pipes: which line is read first is nobody's promise.
    await node.untilLogs('first', /^(?:hello world\nbad|bad\nhello world)\n$/);
    const result = await node.exec('first', ['sh', '-c', 'echo out; echo err >&2; hostname; exit 7']);
    assert.deepEqual(result, { exitCode: 7, stdout: 'out\nfirst\n', stderr: 'err\n' });
    await node.deletePod('first');
    await node.untilGone('first');
  });
});
