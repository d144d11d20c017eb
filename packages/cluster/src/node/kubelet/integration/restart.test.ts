import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { ImageDefinition } from '../../../images/index.ts';
import { isolated } from '../../network/testing/isolate.ts';
import type { Pod } from '../pod-types.ts';
import { createFakeNetwork } from '../testing/fake-network.ts';
import { isReady, pause, startTestNode } from '../testing/test-node.ts';

const status = (pod: Pod) => pod.status!.containerStatuses![0]!;

isolated(fileURLToPath(import.meta.url), () => {
  test('the next life of a node: pods go on, what is over stays over, leftovers go', async () => {
    const stateDir = mkdtempSync(join(tmpdir(), 'palisade-state-'));
    try {
      const network = createFakeNetwork();
      const first = await startTestNode({ stateDir, network });
      const main = {
        name: 'main',
        image: 'busybox',
        command: ['sh', '-c', 'echo started; exec sleep 1000'],
        volumeMounts: [{ name: 'v', mountPath: '/v' }],
      };
      await first.createPod('service', { containers: [main], volumes: [{ name: 'v', emptyDir: {} }] });
      await first.createPod('job', { restartPolicy: 'Never', containers: [main], volumes: [{ name: 'v', emptyDir: {} }] });
      await first.createPod('done', { restartPolicy: 'Never', containers: [{ name: 'main', image: 'busybox', command: ['true'] }] });
      for (const name of ['service', 'job']) await first.until(name, isReady);
      await first.until('done', (pod) => pod.status?.phase === 'Succeeded');
      await first.exec('service', ['touch', '/v/old']);
      await first.stop();
      assert.equal(status(await first.getPod('service')).state.running !== undefined, true, 'objects stay as they are');

      mkdirSync(join(stateDir, 'pods', 'no-such-pod', 'volumes'), { recursive: true });
      const second = await startTestNode({ stateDir, network, client: first.client });
      assert.equal(existsSync(join(stateDir, 'pods', 'no-such-pod')), false);
      const service = await second.until('service', (pod) => isReady(pod) && status(pod).restartCount === 1);
      assert.equal(status(service).lastState.terminated?.reason, 'ContainerStatusUnknown');
      assert.equal((await second.exec('service', ['ls', '/v'])).stdout, '');
      const job = await second.until('job', (pod) => pod.status?.phase === 'Failed');
      assert.equal(status(job).state.terminated?.exitCode, 137);
      assert.equal((await second.getPod('done')).status?.phase, 'Succeeded');
      // Deleting goes on to work for all of them.
      for (const name of ['service', 'job', 'done']) await second.deletePod(name);
      for (const name of ['service', 'job', 'done']) await second.untilGone(name);
      for (let tries = 0; readdirSync(join(stateDir, 'pods')).length > 0; tries++) {
        assert.ok(tries < 100, 'folders of deleted pods are still there');
        await pause(20);
      }
      await second.stop();
      assert.equal(network.pods.size, 0);
    } finally {
      rmSync(stateDir, { recursive: true, force: true });
    }
  });

  test('a changed image starts a new run; a flow log becomes records', async () => {
    const writer: ImageDefinition = {
      names: ['acme/writer'],
      entrypoint: ['sh', '-c', 'for i in 1 2 3; do echo entry $i >> /var/log/flow; done; exec sleep 1000'],
      flowLog: {
        path: '/var/log/flow',
        createReader: (place) => ({
          read: (chunk) =>
            chunk
              .split('\n')
              .filter(Boolean)
              .map((line) => ({
                time: 't',
                reporter: place.reporter,
                verdict: 'DROPPED' as const,
                reason: line,
                source: {},
                destination: place.endpoint,
                body: { type: 'l4' as const, protocol: 'TCP' },
              })),
          end: () => [],
        }),
      },
    };
    const node = await startTestNode({ images: [writer] });
    await node.createPod(
      'writer',
      { terminationGracePeriodSeconds: 1, containers: [{ name: 'main', image: 'busybox', command: ['sleep', '1000'] }] },
      { labels: { app: 'w' } },
    );
    const pod = await node.until('writer', isReady);
    const { command: _, ...container } = pod.spec.containers[0]!;
    await node.client.update(
      { group: '', version: 'v1', resource: 'pods' },
      { ...pod, spec: { ...pod.spec, containers: [{ ...container, image: 'acme/writer:2' }] } },
    );
    const changed = await node.until(
      'writer',
      (each) => isReady(each) && status(each).image === 'acme/writer:2' && status(each).restartCount === 1,
    );
    assert.match(status(changed).imageID, /^docker\.io\/acme\/writer@sha256:/);
    for (let tries = 0; node.flows.length < 3; tries++) {
      assert.ok(tries < 100, 'no records');
      await pause(20);
    }
    assert.deepEqual(
      node.flows.map(({ reason, reporter }) => [reason, reporter]),
      [1, 2, 3].map((number) => [`entry ${number}`, 'pod/default/writer/main']),
    );
    assert.deepEqual(
      [node.flows[0]?.destination.pod, node.flows[0]?.destination.node, node.flows[0]?.destination.labels],
      ['writer', 'node1', { app: 'w' }],
    );
    await node.stop();
  });

  test('of many runs the logs of the last two are kept', async () => {
    const node = await startTestNode();
    await node.createPod('often', {
      terminationGracePeriodSeconds: 1,
      containers: [{ name: 'main', image: 'busybox', command: ['sleep', '1000'] }],
    });
    for (const [restartCount, image] of ['busybox', 'debian', 'busybox'].entries()) {
      const pod = await node.getPod('often');
      const [container] = pod.spec.containers;
      await node.client.update(
        { group: '', version: 'v1', resource: 'pods' },
        { ...pod, spec: { ...pod.spec, containers: [{ ...container!, image }] } },
      );
      await node.until('often', (each) => isReady(each) && status(each).restartCount === restartCount);
    }
    const { uid } = (await node.getPod('often')).metadata;
    assert.deepEqual(readdirSync(join(node.stateDir, 'pods', uid!, 'main')).sort(), ['1.log', '2.log']);
    await node.stop();
  });
});
