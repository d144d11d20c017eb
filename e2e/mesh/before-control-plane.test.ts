/** Who is quicker than the control plane: pods of the mesh that are asked for right after the API answers. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { cannotRunClusters, startCluster, type TestCluster } from '../harness.ts';
import { client, createNamespace, workload } from './kit.ts';

describe('before the control plane is there', { skip: cannotRunClusters(), timeout: 180_000 }, () => {
  let cluster: TestCluster;
  before(async () => {
    cluster = await startCluster({ nodes: ['node1'], mesh: 'palisade' });
  });
  after(() => cluster?.stop());

  test('a pod of the mesh waits for its proxy, one of no mesh does not', async () => {
    await createNamespace(cluster, 'shop', 'istio-injection=enabled');
    const names = 'jsonpath={.spec.initContainers[*].name}';
    const refused = await cluster.kubectl('run', 'bare', '-n', 'shop', '--image=curlimages/curl', '--dry-run=server', '-o', names);
    assert.match(refused.code === 0 ? refused.stdout : refused.stderr, /istio-proxy|failed calling webhook/, 'no proxy, no pod');
    await cluster.apply(workload('shop', 'web', { container: client }));
    await cluster.kubectlOk('run', 'outsider', '--image=curlimages/curl', '--command', '--', 'sleep', '1000');
    await cluster.kubectlOk('rollout', 'status', '-n', 'shop', 'deployment/web', '--timeout=120s');
    const started = await cluster.kubectlOk('get', 'pods', '-n', 'shop', '-o', 'jsonpath={.items[*].spec.initContainers[*].name}');
    assert.equal(started, 'istio-init istio-proxy');
    await cluster.kubectlOk('wait', '--for=condition=Ready', 'pod/outsider', '--timeout=60s');
  });
});
