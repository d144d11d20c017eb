/** What may leave the cluster: by the names that DNS answered, by network, by the labels of nodes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../harness.ts';
import { webPod } from '../workloads.ts';
import type { Scene } from './scene.ts';

export function testEgress(scene: Scene): void {
  const outwards = (rules: string) => `apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: outwards}
spec:
  tier: Admin
  priority: 3
  subject: {pods: {podSelector: {matchLabels: {app: web}}}}
  egress:
    - {name: dns, action: Accept, to: [{pods: {podSelector: {matchLabels: {k8s-app: kube-dns}}}}]}
${rules}    - {name: rest, action: Deny, to: [{networks: ["0.0.0.0/0", "::/0"]}]}
`;
  const fetches = async (url: string) =>
    (await scene.cluster.kubectl('exec', 'web', '--', 'curl', '-s', '-o', '/dev/null', '-m', '2', url)).code === 0;

  test('egress to domain names: what DNS has answered, for as long as the answer lives', async () => {
    const byAddress = 'http://198.51.100.80/';
    assert.equal(await fetches(byAddress), true);
    await scene.cluster.apply(outwards('    - {name: site, action: Accept, to: [{domainNames: ["www.example.com"]}]}\n'));
    await eventually('the address alone is shut', 8000, async () => !(await fetches(byAddress)));
    assert.equal(await fetches('http://www.example.com/'), true, 'the first connection after the answer passes');
    assert.equal(await fetches(byAddress), true, 'the answer lives');
    await eventually('the answer has died', 30_000, async () => {
      await sleep(3000);
      return !(await fetches(byAddress));
    });
    assert.equal(await fetches('http://mirror.north.example/'), false);
    await scene.cluster.kubectlOk('delete', 'cnp', 'outwards');
  });

  test('egress to networks and to nodes by their labels', async () => {
    await scene.cluster.apply(outwards('    - {name: net, action: Accept, to: [{networks: ["192.0.2.0/24"]}]}\n'));
    await eventually('the other network is shut', 8000, async () => !(await fetches('http://198.51.100.80/')));
    assert.equal(await fetches('http://192.0.2.10/'), true);

    await scene.cluster.apply(webPod('host', { labels: 'app: host', spec: '  hostNetwork: true\n  nodeName: node2\n' }));
    await scene.cluster.kubectlOk('wait', '--for=condition=Ready', 'pod', 'host', '--timeout=60s');
    const address = await scene.cluster.kubectlOk('get', 'pod', 'host', '-o', 'jsonpath={.status.podIP}');
    await scene.cluster.apply(outwards('    - {name: nodes, action: Accept, to: [{nodes: {matchLabels: {zone: b}}}]}\n'));
    await eventually('the network is shut again', 8000, async () => !(await fetches('http://192.0.2.10/')));
    assert.equal(await fetches(`http://${address}:8080/`), false, 'the node has no such label yet');
    await scene.cluster.kubectlOk('label', 'node', 'node2', 'zone=b');
    await eventually('the node is open', 8000, () => fetches(`http://${address}:8080/`));
    await scene.cluster.kubectlOk('label', 'node', 'node2', 'zone-');
    await eventually('the node is shut', 8000, async () => !(await fetches(`http://${address}:8080/`)));
    await scene.cluster.kubectlOk('delete', 'cnp', 'outwards');
    await scene.cluster.kubectlOk('delete', 'pod', 'host', '--now');
  });
}
