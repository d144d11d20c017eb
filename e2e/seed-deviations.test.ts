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

  describe('the words of OpenShift (seed 004)', () => {
    const patch = (kind: string, ...args: string[]) => cluster.kubectl('patch', `${kind}/mongodb`, ...args);
    const container = 'image: busybox, command: [sleep, "3600"]';
    before(() =>
      cluster.apply(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: mongodb}
spec:
  selector: {matchLabels: {app: mongodb}}
  template:
    metadata: {labels: {app: mongodb}}
    spec: {containers: [{name: mongodb, ${container}}]}
`),
    );

    test('kinds that only OpenShift has are not there', async () => {
      for (const kind of ['dc', 'route', 'scc']) {
        assert.match((await cluster.kubectl('get', kind)).stderr, /the server doesn't have a resource type/, kind);
      }
    });

    test('the JSON patch as printed: no annotations to add to; and its key ends in a space', async () => {
      const add = (key: string, value: string) => JSON.stringify([{ op: 'add', path: `/spec/template/metadata/annotations${key}`, value }]);
      const printed = '/sidecar.istio.io~1inject ';
      assert.match((await patch('deployment', '--type=json', '-p', add(printed, 'true'))).stderr, /The request is invalid/);
      await cluster.kubectlOk('patch', 'deployment/mongodb', '-p', '{"spec":{"template":{"metadata":{"annotations":{"any":"one"}}}}}');
      const refused = await patch('deployment', '--type=json', '-p', add(printed, 'true'));
      assert.match(refused.stderr, /annotations: Invalid value: "sidecar.istio.io\/inject "/);
    });

    test('the plain form: a merge patch of the Deployment, pods by its own label, admission by namespace', async () => {
      const metadata = { annotations: { 'sidecar.istio.io/inject': 'true' }, labels: { version: 'v1' } };
      await cluster.kubectlOk('patch', 'deployment/mongodb', '-p', JSON.stringify({ spec: { template: { metadata } } }));
      await cluster.kubectlOk('rollout', 'status', 'deployment/mongodb', '--timeout=60s');
      const labels = await cluster.kubectlOk('get', 'pods', '-l', 'app=mongodb,version=v1', '-o', 'name');
      assert.match(labels, /^pod\/mongodb-/);
      const root = '{"spec":{"containers":[{"name":"c","image":"busybox","securityContext":{"privileged":true}}]}}';
      await cluster.kubectlOk('label', 'namespace', 'default', 'pod-security.kubernetes.io/enforce=baseline');
      const run = () => cluster.kubectl('run', 'rooted', '--image=busybox', `--overrides=${root}`);
      assert.match((await run()).stderr, /violates PodSecurity "baseline:latest": privileged/);
      await cluster.kubectlOk('label', 'namespace', 'default', 'pod-security.kubernetes.io/enforce=privileged', '--overwrite');
      assert.equal((await run()).code, 0);
    });
  });
});
