/** `kill -9` of everything, 50 times, under 100 writes a second: nothing acknowledged is lost, the watch goes on, no pod runs twice. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createHttpClient, loadKubeconfig } from '@palisade/kubernetes/client';
import { cannotRunClusters, eventually, programsOf, startCluster, type TestCluster } from './harness.ts';
import { runSleepers } from './workloads.ts';

const KILLS = Number(process.env['PALISADE_KILLS'] ?? 50);
const WRITE_EVERY_MS = 10;
const REPLICAS = 3;
const SLEEP_SECONDS = 4011;
const CONFIG_MAPS = { group: '', version: 'v1', resource: 'configmaps' };

describe('durability', { skip: cannotRunClusters(), timeout: 1_800_000 }, () => {
  let cluster: TestCluster;
  before(async () => {
    cluster = await startCluster({ nodes: ['node1', 'node2'] });
    await runSleepers(cluster, REPLICAS, SLEEP_SECONDS);
  });
  after(() => cluster?.stop());

  const connect = () => createHttpClient(loadKubeconfig(readFileSync(cluster.running.kubeconfig, 'utf8')));

  /** Writes until the server is gone; what it returns was acknowledged, as name to version. */
  async function writeUntilGone(round: number): Promise<Map<string, string>> {
    const acknowledged = new Map<string, string>();
    const client = connect();
    const pending: Promise<void>[] = [];
    let isGone = false;
    for (let i = 0; !isGone; i++) {
      const name = `w-${round}-${i}`;
      const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' } };
      pending.push(
        client.create(CONFIG_MAPS, object).then(
          (created) => void acknowledged.set(name, created.metadata.resourceVersion!),
          () => {
            isGone = true;
          },
        ),
      );
      await sleep(WRITE_EVERY_MS);
    }
    await Promise.all(pending);
    client.close();
    return acknowledged;
  }

  test(`${KILLS} kills`, async (context) => {
    const acknowledged = new Map<string, string>();
    const told = new Map<string, string>();
    let resumeFrom: string;
    {
      const client = connect();
      resumeFrom = (await client.list(CONFIG_MAPS, { namespace: 'default' })).metadata.resourceVersion;
      client.close();
    }
    /** Takes the watch up where it ended, until the server is gone or it has told everything up to `until`. */
    const watch = async (until: () => boolean) => {
      const client = connect();
      try {
        for await (const event of client.watch(CONFIG_MAPS, { namespace: 'default', resourceVersion: resumeFrom })) {
          assert.ok(event.type === 'ADDED', `unexpected event ${JSON.stringify(event)}`);
          resumeFrom = event.object.metadata.resourceVersion!;
          assert.ok(!told.has(event.object.metadata.name!), `${event.object.metadata.name} was told twice`);
          told.set(event.object.metadata.name!, resumeFrom);
          if (until()) break;
        }
      } catch (error) {
        if ((error as Error).name === 'AssertionError') throw error;
      } finally {
        client.close();
      }
    };
    for (let round = 0; round < KILLS; round++) {
      const watching = watch(() => false);
      const writing = writeUntilGone(round);
      // Killed at another moment each time.
      await sleep(300 + ((round * 137) % 700));
      await cluster.crash();
      for (const [name, version] of await writing) acknowledged.set(name, version);
      await watching;
      await eventually('pods', 60_000, async () => programsOf(`sleep ${SLEEP_SECONDS}`) === REPLICAS);
      if (round % 10 === 9) context.diagnostic(`${round + 1} kills, ${acknowledged.size} writes acknowledged`);
    }
    const missing = () => [...acknowledged.keys()].filter((name) => !told.has(name));
    await Promise.race([watch(() => missing().length === 0), sleep(10_000, undefined, { ref: false })]);
    assert.deepEqual(missing(), [], 'the watch never told these');
    for (const [name, version] of acknowledged) assert.equal(told.get(name), version, name);
    const client = connect();
    const stored = new Map(
      (await client.list(CONFIG_MAPS, { namespace: 'default' })).items.map((item) => [item.metadata.name, item.metadata.resourceVersion]),
    );
    client.close();
    for (const [name, version] of acknowledged) assert.equal(stored.get(name), version, name);
    assert.ok(acknowledged.size > KILLS * 10, `only ${acknowledged.size} writes got through`);
    assert.equal(programsOf(`sleep ${SLEEP_SECONDS}`), REPLICAS);
    const pods = (await cluster.kubectlOk('get', 'pods', '-l', 'app=web', '-o', 'name')).trim().split('\n');
    assert.equal(pods.length, REPLICAS);
  });
});
