/** The two patterns of the seeds by hand, as a new user would type them. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { cannotRunClusters, eventually, examples, startCluster, type TestCluster } from './harness.ts';

const skip = cannotRunClusters();

describe('the seeds on one machine', { skip, timeout: 300_000 }, () => {
  let cluster: TestCluster;
  before(async () => {
    cluster = await startCluster({ nodes: ['node1', 'node2', 'es-node'] });
  });
  after(() => cluster?.stop());

  const rollOut = async (file: string, ...deployments: string[]) => {
    await cluster.kubectlOk('apply', '-f', join(examples, file));
    for (const name of deployments) await cluster.kubectlOk('rollout', 'status', `deployment/${name}`, '--timeout=90s');
  };
  const clear = async (file: string) => {
    await cluster.kubectlOk('delete', '-f', join(examples, file), '--now');
    await cluster.kubectlOk('wait', '--for=delete', 'pods', '--all', '--timeout=60s');
  };
  const curl = (from: string, ...args: string[]) =>
    cluster.kubectl('exec', `deploy/${from}`, '-c', 'microsimserver', '--', 'curl', '-s', '-m', '5', ...args);
  const status = async (from: string, ...args: string[]) => (await curl(from, '-o', '/dev/null', '-w', '%{http_code}', ...args)).stdout;
  const dropped = async (from: string) =>
    (await cluster.palisade('flows', '--verdict', 'DROPPED', '--from', from, '--last', '100', '-o', 'json')).stdout
      .trim()
      .split('\n')
      .filter(Boolean)
      .map(
        (line) => JSON.parse(line) as { reason: string; policy?: { name: string }; source: { pod: string }; destination: { pod?: string } },
      );
  const attack = 'username=joe@example.com&password=;UNION%20SELECT%201,%20version()%20limit%201,1--';

  test('every node is Ready', async () => {
    await cluster.kubectlOk('wait', '--for=condition=Ready', 'nodes', '--all', '--timeout=20s');
    assert.deepEqual((await cluster.kubectlOk('get', 'nodes', '-o', 'name')).trim().split('\n').sort(), [
      'node/es-node',
      'node/node1',
      'node/node2',
    ]);
  });

  test('sidecar pattern: the WAF answers 403, policies close the rest, flows name the policy', async () => {
    await rollOut('sidecar/app.yaml', 'www', 'auth', 'db');
    assert.match((await curl('auth', 'http://db:8080')).stdout, /hostname: db-\S+ {3}ip: \S+ {3}remote: 127\.0\.0\.1/);
    assert.equal(await status('auth', `http://db:8080/?${attack}`), '403');
    const db = (await cluster.kubectlOk('get', 'pods', '-l', 'app=db', '-o', 'jsonpath={.items[0].status.podIP}')).trim();
    assert.equal(await status('auth', `http://${db}:8080/?${attack}`), '200', 'without a policy the way around the WAF is open');

    await cluster.kubectlOk('apply', '-f', join(examples, 'sidecar/network-policy.yaml'));
    await eventually('the policy cuts auth off', 5000, async () => (await curl('auth', '-m', '1', 'http://db:8080')).code === 28);
    assert.equal((await curl('auth', '-m', '2', `http://${db}:8080`)).code, 28);
    assert.equal(await status('www', 'http://db:8080'), '200');
    const flows = await eventually('the drop is logged', 5000, async () => {
      const found = await dropped('default/auth');
      return found.length > 0 && found;
    });
    assert.ok(
      flows.some((flow) => flow.policy?.name === 'db-ingress' && flow.destination.pod?.startsWith('db-')),
      JSON.stringify(flows[0]),
    );

    await cluster.kubectlOk('delete', '-f', join(examples, 'sidecar/network-policy.yaml'));
    await eventually('without the policy auth reaches db again', 5000, async () => (await status('auth', 'http://db:8080')) === '200');
    await clear('sidecar/app.yaml');
  });

  test('service layer pattern: tiers, then only the next tier', async () => {
    await rollOut('service-layer/app.yaml', 'www', 'wwworigin', 'auth', 'authorigin', 'db', 'dborigin');
    assert.equal(await status('authorigin', 'http://db'), '200');
    assert.equal(await status('authorigin', `http://db/?${attack}`), '403');
    assert.equal(await status('authorigin', 'http://dborigin:8080'), '200');
    await cluster.kubectlOk('apply', '-f', join(examples, 'service-layer/network-policy.yaml'));
    await eventually('authorigin is cut off', 5000, async () => (await curl('authorigin', '-m', '1', 'http://dborigin:8080')).code === 28);
    assert.equal((await curl('authorigin', '-m', '2', 'http://db')).code, 28);
    assert.equal(await status('wwworigin', 'http://db'), '200');
    await clear('service-layer/app.yaml');
    await cluster.kubectlOk('delete', '-f', join(examples, 'service-layer/network-policy.yaml'));
  });

  test('a NoExecute taint moves the pods (seed 003)', async () => {
    await rollOut('simple/app.yaml', 'www', 'auth', 'db');
    const onEsNode = async () => (await cluster.kubectlOk('get', 'pods', '--field-selector', 'spec.nodeName=es-node', '-o', 'name')).trim();
    assert.notEqual(await onEsNode(), '', 'pods are spread over all nodes at first');
    assert.match(await cluster.kubectlOk('taint', 'nodes', 'es-node', 'elasticsearch=false:NoExecute'), /node\/es-node tainted/);
    await eventually('es-node is empty', 60_000, async () => (await onEsNode()) === '');
    for (const name of ['www', 'auth', 'db']) await cluster.kubectlOk('rollout', 'status', `deployment/${name}`, '--timeout=60s');
    await cluster.kubectlOk('taint', 'nodes', 'es-node', 'elasticsearch-');
    await clear('simple/app.yaml');
  });

  test('what a new user types works and reads as on a real cluster', async () => {
    await cluster.kubectlOk('run', 'box', '--image=busybox', '--restart=Never', '--', 'sh', '-c', 'echo hello; sleep 300');
    await cluster.kubectlOk('wait', '--for=condition=Ready', 'pod/box', '--timeout=30s');
    assert.equal(await cluster.kubectlOk('logs', 'box'), 'hello\n');
    assert.match(
      await cluster.kubectlOk('get', 'pods', '-o', 'wide'),
      /NAME +READY +STATUS +RESTARTS +AGE +IP +NODE +NOMINATED NODE +READINESS GATES/,
    );
    assert.match(await cluster.kubectlOk('describe', 'pod', 'box'), /Successfully assigned default\/box to /);
    assert.match(await cluster.kubectlOk('label', 'pod', 'box', 'tier=test'), /pod\/box labeled/);
    assert.equal((await cluster.kubectl('exec', 'box', '--', 'sh', '-c', 'exit 7')).code, 7);
    assert.equal(await cluster.kubectlOk('get', 'pod', 'box', '-o', 'jsonpath={.metadata.labels.tier}'), 'test');
    await cluster.kubectlOk('delete', 'pod', 'box', '--now');

    await cluster.kubectlOk('run', 'nowhere', '--image=example.com/unknown:1');
    const message = await eventually('the unknown image is explained', 20_000, async () => {
      const text = await cluster.kubectlOk('get', 'pod', 'nowhere', '-o', 'jsonpath={.status.containerStatuses[0].state.waiting.message}');
      return text !== '' && text;
    });
    assert.match(message, /example\.com\/unknown/);
    await cluster.kubectlOk('delete', 'pod', 'nowhere', '--now');
  });

  test('bad input is refused with the field named, and nothing is stored', async () => {
    const refusals: [what: string, manifest: string, pattern: RegExp][] = [
      [
        'an unknown field',
        'apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {foo: 1, containers: [{name: a, image: b}]}',
        /unknown field "spec.foo"/,
      ],
      [
        'a wrong CIDR',
        'apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: x}\nspec: {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/33}}]}]}',
        /spec\.ingress\[0\]\.from\[0\]\.ipBlock\.cidr/,
      ],
      [
        'a wrong port',
        'apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec: {selector: {a: b}, ports: [{port: 70000}]}',
        /spec\.ports\[0\]\.port: Invalid value: 70000/,
      ],
    ];
    for (const [what, manifest, pattern] of refusals) {
      await assert.rejects(cluster.apply(manifest), (error: Error) => pattern.test(error.message), what);
    }
    assert.match((await cluster.kubectl('get', 'pod,netpol,service', 'x')).stderr, /pods "x" not found/);
  });
});
