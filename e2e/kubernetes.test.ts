/** "Done when" of exact Kubernetes, with the real kubectl as a new user would type it. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtempDisposable } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { cannotRunClusters, conformanceData, eventually, run, startCluster, type TestCluster } from './harness.ts';

const skip = cannotRunClusters();
const crds = conformanceData('istio/crds/crd-all.gen.yaml');
const bookinfo = conformanceData('istio/samples/bookinfo/platform/kube/bookinfo.yaml');

describe('Kubernetes as kubectl sees it', { skip, timeout: 100_000 }, () => {
  let cluster: TestCluster;
  before(async () => {
    cluster = await startCluster({ nodes: ['node1', 'node2'] });
    await cluster.apply(`
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers:
  - {name: web, image: busybox, args: [sh, -c, 'mkdir /www; echo hello > /www/index.html; exec httpd -f -p 8080 -h /www']}
`);
    await cluster.kubectlOk('wait', '--for=condition=Ready', 'pod/web', '--timeout=30s');
  });
  after(() => cluster?.stop());

  test("Istio's definitions are installed; a VirtualService is made and explained, a wrong field refused", {
    skip: crds.skip,
  }, async () => {
    await cluster.kubectlOk('apply', '--server-side', '-f', crds.path);
    await cluster.kubectlOk('wait', '--for=condition=Established', 'crd/virtualservices.networking.istio.io', '--timeout=10s');
    const route = (field: string) => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews}
spec: {hosts: [reviews], ${field}: [{route: [{destination: {host: reviews}}]}]}`;
    assert.match(await cluster.apply(route('http')), /virtualservice\.networking\.istio\.io\/reviews created/);
    assert.match(await cluster.kubectlOk('get', 'vs'), /NAME +GATEWAYS +HOSTS +AGE\nreviews +\["reviews"\]/);
    assert.match(await cluster.kubectlOk('explain', 'virtualservice.spec.http'), /FIELD: http <\[\]Object>/);
    await assert.rejects(cluster.apply(route('htpp')), /unknown field "spec\.htpp"/);
    await assert.rejects(
      cluster.apply(route('http').replace('destination:', 'weight: 1.5, destination:')),
      /spec\.http\[0\]\.route\[0\]\.weight.* must be of type integer/,
    );
  });

  test('what is served shows as APIServices; an Ingress says that it is stored', async () => {
    const shown = await cluster.kubectlOk('get', 'apiservices', 'v1.apps', 'v1beta1.metrics.k8s.io', 'v1alpha1.observe.palisade.dev');
    assert.equal(shown.match(/ +Local +True +/g)?.length, 3, shown);
    await cluster.kubectlOk('-n', 'default', 'create', 'ingress', 'web', '--rule=a.example/=web:80');
    await eventually('the event', 20_000, async () =>
      /NotServed .*the ingress gateway of the mesh will serve it/.test(
        await cluster.kubectlOk('-n', 'default', 'describe', 'ingress', 'web'),
      ),
    );
  });

  test('bookinfo is accepted unchanged', { skip: bookinfo.skip }, async () => {
    const out = await cluster.kubectlOk('-n', 'default', 'apply', '-f', bookinfo.path, '--dry-run=server');
    assert.equal(out.split('\n').filter((line) => line.includes('created')).length, 14, out);
  });

  test('port-forward', async () => {
    const child: ChildProcess = spawn('kubectl', ['port-forward', 'pod/web', ':8080'], {
      env: { ...process.env, KUBECONFIG: cluster.running.kubeconfig },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      const [line] = (await once(child.stdout!, 'data')) as [Buffer];
      const port = /127\.0\.0\.1:(\d+) ->/.exec(line.toString())?.[1];
      assert.equal(await (await fetch(`http://127.0.0.1:${port}/`)).text(), 'hello\n');
      assert.equal(await (await fetch(`http://127.0.0.1:${port}/`)).text(), 'hello\n', 'a second connection');
    } finally {
      child.kill();
      await once(child, 'close');
    }
  });

  test('cp, both ways', async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'palisade-cp-'));
    const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * 31) & 255));
    writeFileSync(join(folder.path, 'in'), bytes);
    await cluster.kubectlOk('cp', join(folder.path, 'in'), 'web:/tmp/there');
    await cluster.kubectlOk('cp', 'web:/tmp/there', join(folder.path, 'out'));
    assert.deepEqual(readFileSync(join(folder.path, 'out')), bytes);
  });

  test('replace, edit, events, wait on a field', { timeout: 20_000 }, async () => {
    await cluster.kubectlOk('create', 'configmap', 'c', '--from-literal=a=1');
    const object = JSON.parse(await cluster.kubectlOk('get', 'configmap', 'c', '-o', 'json'));
    await using folder = await mkdtempDisposable(join(tmpdir(), 'palisade-edit-'));
    const file = join(folder.path, 'c.json');
    writeFileSync(file, JSON.stringify({ ...object, data: { a: 'two' } }));
    assert.match(await cluster.kubectlOk('replace', '-f', file), /configmap\/c replaced/);
    assert.match((await cluster.kubectl('replace', '-f', file)).stderr, /the object has been modified/);
    const env = { ...process.env, KUBECONFIG: cluster.running.kubeconfig, KUBE_EDITOR: 'sed -i s/two/three/' };
    assert.match((await run('kubectl', ['edit', 'configmap', 'c'], env)).stdout, /configmap\/c edited/);
    await cluster.kubectlOk('wait', '--for=jsonpath={.data.a}=three', 'configmap/c', '--timeout=5s');
    assert.match(await cluster.kubectlOk('events', '--for', 'pod/web'), /Started +Pod\/web/);
  });
});
