/** Pods and Deployments that are cut off by one command, with traffic under way. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { udpIn } from '@palisade/cluster/network';
import { eventually } from '../harness.ts';
import type { Scene } from './scene.ts';

export function testQuarantine(scene: Scene): void {
  test('a quarantined pod is cut off from what it had open, both ways, within a second; released it is back', async () => {
    await scene.allowed('web', 'db');
    // A connection that stays open and goes on sending: one line every 50 ms into a file at the other end.
    await scene.cluster.kubectlOk(
      'exec',
      'db',
      '--',
      'sh',
      '-c',
      `nohup sh -c 'sleep 60 | nc -l -p 9000 > /tmp/got' > /dev/null 2>&1 </dev/null & echo`,
    );
    const attack = `while :; do echo attack; sleep 0.05; done | nc ${scene.address.get('db')} 9000 > /dev/null 2>&1`;
    await scene.cluster.kubectlOk('exec', 'web', '--', 'sh', '-c', `nohup sh -c '${attack}' > /dev/null 2>&1 </dev/null & echo`);
    const received = async () => Number((await scene.cluster.kubectlOk('exec', 'db', '--', 'sh', '-c', 'wc -c < /tmp/got')).trim());
    const before = await eventually('the attack runs', 5000, async () => {
      const count = await received();
      return count > 0 && count;
    });
    await eventually('the attack goes on', 5000, async () => (await received()) > before);

    const result = await scene.cluster.palisade('quarantine', 'pod', 'web', '--keep-dns');
    assert.equal(result.code, 0, result.stderr);
    await sleep(1000);
    const atOneSecond = await received();
    await sleep(1000);
    assert.equal(await received(), atOneSecond, 'nothing of the open connection arrives any more');
    assert.equal(await scene.reaches('web', 'db'), false);
    assert.equal(await scene.reaches('db', 'web'), false);
    assert.equal(await scene.reaches('client', 'db'), true, 'others are untouched');
    const names = await scene.cluster.kubectl('exec', 'web', '--', 'nslookup', 'kubernetes.default.svc.cluster.local');
    assert.match(names.stdout, /10\.96\.0\.1/, 'DNS was kept');
    const who = await scene.cluster.kubectlOk(
      'get',
      'cnp',
      '-o',
      'jsonpath={.items[0].metadata.annotations.palisade\\.dev/quarantined-by}',
    );
    assert.notEqual(who, '');
    assert.match(
      await scene.cluster.kubectlOk('get', 'events', '--field-selector', 'involvedObject.name=web'),
      /Quarantined +pod\/web +cut off by/,
    );

    assert.equal((await scene.cluster.palisade('quarantine', 'pod', 'web', '--release')).code, 0);
    await scene.allowed('web', 'db');
    await scene.allowed('db', 'web');
    assert.equal(await scene.cluster.kubectlOk('get', 'cnp,netpol', '-A', '-o', 'name'), '');
    const again = await scene.cluster.palisade('quarantine', 'pod', 'web', '--release');
    assert.match(again.stderr, /it is not in quarantine/);
  });

  test('a quarantined deployment: UDP that flows both ways stops within a second, and later pods are cut off too', async () => {
    await scene.cluster.kubectlOk('create', 'deployment', 'app', '--image=busybox', '--', 'sleep', '86400');
    const ready = () => scene.cluster.kubectlOk('rollout', 'status', 'deployment/app', '--timeout=60s');
    await ready();
    const podsOf = async (selector: string) => {
      const { items } = JSON.parse(await scene.cluster.kubectlOk('get', 'pods', '-l', selector, '-o', 'json'));
      return (items as { metadata: { uid: string; name: string }; status: { podIP: string } }[]).map(({ metadata, status }) => ({
        name: metadata.name,
        netns: `${scene.cluster.netnsFolder()}/pod-${metadata.uid}`,
        ip: status.podIP,
      }));
    };
    const [[app], [db]] = [await podsOf('app=app'), await podsOf('app=db')];
    const server = await udpIn(db!.netns, db!.ip, 9001);
    const client = await udpIn(app!.netns, app!.ip, 9002);
    const got = { server: 0, client: 0 };
    server.on('message', () => got.server++).on('error', () => {});
    client.on('message', () => got.client++).on('error', () => {});
    const timer = setInterval(() => {
      client.send('attack', 9001, db!.ip, () => {});
      server.send('answer', 9002, app!.ip, () => {});
    }, 50);
    try {
      await eventually('packets flow both ways', 5000, async () => got.server > 5 && got.client > 5);
      const result = await scene.cluster.palisade('quarantine', 'deployment', 'app');
      assert.equal(result.code, 0, result.stderr);
      await sleep(1000);
      const atOneSecond = { ...got };
      await sleep(1000);
      assert.deepEqual(got, atOneSecond, 'neither packets nor answers arrive any more');
      await scene.cluster.kubectlOk('scale', 'deployment', 'app', '--replicas=2');
      await ready();
      const later = (await podsOf('app=app')).find(({ name }) => name !== app!.name);
      assert.ok(later);
      const asked = await scene.cluster.kubectl(
        'exec',
        later.name,
        '--',
        'curl',
        '-s',
        '-m',
        '1',
        `http://${scene.address.get('db')}:8080/`,
      );
      assert.notEqual(asked.code, 0, 'a pod that came after it');
      assert.equal((await scene.cluster.palisade('quarantine', 'deployment', 'app', '--release')).code, 0);
      await eventually('packets flow again', 8000, async () => got.server > atOneSecond.server && got.client > atOneSecond.client);
    } finally {
      clearInterval(timer);
      server.close();
      client.close();
    }
    await scene.cluster.kubectlOk('delete', 'deployment', 'app');
  });
}
