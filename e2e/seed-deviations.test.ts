/** docs/seed-deviations.md: what today's kubectl or schemas refuse in the seeds, and the corrected form. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { cannotRunClusters, startCluster, type TestCluster } from './harness.ts';

const policy = (name: string, ingress: string) =>
  `apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: ${name}\nspec:\n  podSelector:\n    matchLabels:\n      app: db\n  ingress:\n${ingress}`;

const deviations = [
  {
    name: "ingress[].to (the blog's network policies)",
    seed: policy(
      'to',
      '  - from:\n    - podSelector:\n        matchLabels:\n          app: www\n    to:\n    ports:\n    - protocol: TCP\n      port: 80\n',
    ),
    refusal: /unknown field "spec\.ingress\[0\]\.to"/,
    corrected: policy(
      'to',
      '  - from:\n    - podSelector:\n        matchLabels:\n          app: www\n    ports:\n    - protocol: TCP\n      port: 80\n',
    ),
  },
  {
    name: 'tolerations[].value: false (seed 003)',
    seed: 'apiVersion: v1\nkind: Pod\nmetadata: {name: tolerant}\nspec:\n  containers: [{name: a, image: busybox}]\n  tolerations:\n  - key: elasticsearch\n    operator: Equal\n    value: false\n    effect: NoExecute\n',
    refusal: /cannot unmarshal bool into Go struct field .*value of type string/,
    corrected:
      'apiVersion: v1\nkind: Pod\nmetadata: {name: tolerant}\nspec:\n  containers: [{name: a, image: busybox}]\n  tolerations:\n  - key: elasticsearch\n    operator: Equal\n    value: "false"\n    effect: NoExecute\n',
  },
  {
    name: 'the second YAML trap (seed 003): an item inside a mapping',
    seed: policy(
      'trap',
      '  - from:\n    - namespaceSelector:\n        matchLabels:\n          user: alice\n      - podSelector:\n        matchLabels:\n          role: client\n',
    ),
    refusal: /error (converting YAML to JSON|parsing)/,
    corrected: policy(
      'trap',
      '  - from:\n    - namespaceSelector:\n        matchLabels:\n          user: alice\n    - podSelector:\n        matchLabels:\n          role: client\n',
    ),
  },
];

describe('seed deviations', { skip: cannotRunClusters(), timeout: 60_000 }, () => {
  let cluster: TestCluster;
  before(async () => {
    cluster = await startCluster({ nodes: ['node1'] });
  });
  after(() => cluster?.stop());

  for (const { name, seed, refusal, corrected } of deviations) {
    test(name, async () => {
      await assert.rejects(cluster.create(seed), (error: Error) => refusal.test(error.message));
      assert.match(await cluster.create(corrected), / created/);
    });
  }

  test('matchLabels left empty selects every pod (seed 003, namespace isolation)', async () => {
    const manifest =
      'kind: NetworkPolicy\napiVersion: networking.k8s.io/v1\nmetadata:\n  name: deny-from-other-namespaces\nspec:\n  podSelector:\n    matchLabels:\n  ingress:\n    - from:\n      - podSelector: {}\n';
    assert.match(await cluster.apply(manifest), / created/);
    assert.equal(await cluster.kubectlOk('get', 'netpol', 'deny-from-other-namespaces', '-o', 'jsonpath={.spec.podSelector}'), '{}');
  });

  test('exec without -- is refused by kubectl itself', async () => {
    const result = await cluster.kubectl('exec', 'tolerant', '-c', 'a', 'id');
    assert.notEqual(result.code, 0);
    assert.match(result.stderr, /exec \[POD\] -- \[COMMAND\]/);
  });
});
