/** What root inside a pod must not be able to do. Each check has its control. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { cannotRunClusters, startCluster, type TestCluster } from './harness.ts';
import { webPod } from './workloads.ts';

const pod = (name: string, capabilities = '') => webPod(name, { labels: `app: ${name}`, securityContext: `runAsUser: 0${capabilities}` });

describe('root inside a pod', { skip: cannotRunClusters(), timeout: 120_000 }, () => {
  let cluster: TestCluster;
  before(async () => {
    cluster = await startCluster({ nodes: ['node1', 'node2'] });
    await cluster.apply([pod('intruder', ', capabilities: {add: [NET_ADMIN]}'), pod('victim')].join('---\n'));
    await cluster.kubectlOk('wait', '--for=condition=Ready', 'pod', '--all', '--timeout=60s');
  });
  after(() => cluster?.stop());
  const inside = (script: string) => cluster.kubectl('exec', 'intruder', '--', 'sh', '-c', script);

  test("does not see the host's /etc/shadow", async () => {
    const secret = readFileSync('/etc/shadow', 'utf8').split('\n')[0]!;
    const result = await inside('id -u; cat /etc/shadow; find / -xdev -name shadow -exec cat {} + 2>/dev/null');
    assert.match(result.stdout, /^0\n/, 'it is root in there');
    assert.ok(!result.stdout.includes(secret));
  });

  test('does not see the state folder, nor processes outside', async () => {
    const result = await inside(`ls ${cluster.running.paths.stateDir} 2>&1; ls -d /proc/[0-9]*; cat /proc/*/cmdline | tr '\\0' ' '`);
    assert.match(result.stdout, /No such file/);
    assert.doesNotMatch(result.stdout, /supervisor/);
    assert.match(result.stdout, /httpd/, 'it does see its own');
  });

  test("sees its own token and nobody else's", async () => {
    const tokens = await inside(
      'find / -name token -path "*serviceaccount*" -exec cat {} \\; 2>/dev/null; echo; mount | grep -c serviceaccount',
    );
    const found = [...new Set(tokens.stdout.match(/eyJ[\w-]+\.[\w-]+\.[\w-]+/g) ?? [])];
    assert.equal(found.length, 1);
    const claims = JSON.parse(Buffer.from(found[0]!.split('.')[1]!, 'base64url').toString()) as {
      'kubernetes.io': { pod: { name: string } };
    };
    assert.equal(claims['kubernetes.io'].pod.name, 'intruder');
  });

  test('cannot send from another address', async () => {
    const victim = (await cluster.kubectlOk('get', 'pod', 'victim', '-o', 'jsonpath={.status.podIP}')).trim();
    const fetch = `curl -s -m 2 http://${victim}:8080/`;
    assert.equal((await inside(fetch)).stdout, 'victim\n', 'from its own address it may');
    const spoofed = await inside(
      `ip addr add 10.244.1.250/32 dev eth0 && curl -s -m 2 --interface 10.244.1.250 http://${victim}:8080/; echo "exit $?"`,
    );
    assert.match(spoofed.stdout, /exit (28|7)\n/, spoofed.stdout + spoofed.stderr);
  });
});
