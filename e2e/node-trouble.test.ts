/** Nodes that are emptied on purpose, and a supervisor that is killed: pods move or come back, and there are never too many of them. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { cannotRunClusters, eventually, programsOf, startCluster, type TestCluster } from './harness.ts';
import { runSleepers } from './workloads.ts';

const REPLICAS = 6;
const CRASHES = 5;
const SLEEP_SECONDS = 4007;

describe('trouble with nodes', { skip: cannotRunClusters(), timeout: 240_000 }, () => {
  let cluster: TestCluster;
  before(async () => {
    cluster = await startCluster({ nodes: ['node1', 'node2'] });
    await runSleepers(cluster, REPLICAS, SLEEP_SECONDS);
    await cluster.apply(`
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec: {maxUnavailable: 2, selector: {matchLabels: {app: web}}}
`);
  });
  after(() => cluster?.stop());

  const pods = async (template: string) =>
    (await cluster.kubectlOk('get', 'pods', '-l', 'app=web', '-o', `jsonpath={range .items[*]}${template}{"\\n"}{end}`)).trim().split('\n');

  test('cordon keeps new pods away, drain moves the others within the disruption budget, uncordon ends it', async () => {
    await cluster.kubectlOk('cordon', 'node1');
    assert.match(await cluster.kubectlOk('get', 'node', 'node1'), /Ready,SchedulingDisabled/);
    await cluster.kubectlOk('drain', 'node1', '--ignore-daemonsets', '--delete-emptydir-data', '--timeout=90s');
    await cluster.kubectlOk('rollout', 'status', 'deployment/web', '--timeout=60s');
    assert.deepEqual(await pods('{.spec.nodeName}'), Array(REPLICAS).fill('node2'));
    await cluster.kubectlOk('uncordon', 'node1');
    await cluster.kubectlOk('delete', 'pod', '-l', 'app=web');
    await cluster.kubectlOk('rollout', 'status', 'deployment/web', '--timeout=60s');
    assert.ok((await pods('{.spec.nodeName}')).includes('node1'), 'nothing on the node that may be used again');
  });

  test(`the supervisor is killed ${CRASHES} times: the same pods run again, each of them once`, async () => {
    const names = (await pods('{.metadata.name} {.metadata.uid}')).sort();
    assert.equal(names.length, REPLICAS);
    for (let crash = 1; crash <= CRASHES; crash++) {
      await cluster.crash();
      await eventually(`all pods started again after crash ${crash}`, 60_000, async () => {
        const states = await pods('{.status.containerStatuses[0].ready} {.status.containerStatuses[0].restartCount}');
        return states.every((state) => state === `true ${crash}`);
      });
      assert.deepEqual((await pods('{.metadata.name} {.metadata.uid}')).sort(), names, `crash ${crash}`);
      for (const name of names) {
        const seen = await cluster.kubectlOk('exec', name.split(' ')[0]!, '--', 'ps', '-e', '-o', 'args');
        assert.equal(seen.match(new RegExp(`^sleep ${SLEEP_SECONDS}$`, 'gm'))?.length, 1, seen);
      }
      assert.equal(programsOf(`sleep ${SLEEP_SECONDS}`), REPLICAS);
    }
  });
});
