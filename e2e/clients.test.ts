/** Other people's clients on the embedded cluster: Kubernetes' own for Node.js and Python, Helm, and an older way to exec. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { CoreV1Api, KubeConfig, makeInformer } from '@kubernetes/client-node';
import { WebSocket } from 'ws';
import { findHelm } from '../scripts/setup/helm.mjs';
import { findPythonKubernetes } from '../scripts/setup/python-kubernetes.mjs';
import { cannotRunClusters, eventually, examples, run, startCluster, type TestCluster } from './harness.ts';

const helm = findHelm();
const python = findPythonKubernetes();

const PYTHON = `
from kubernetes import client, config, watch
from kubernetes.stream import stream
config.load_kube_config()
core, apps = client.CoreV1Api(), client.AppsV1Api()
body = client.V1ConfigMap(metadata=client.V1ObjectMeta(name='py', labels={'by': 'python'}), data={'a': '1'})
made = core.create_namespaced_config_map('default', body)
core.patch_namespaced_config_map('py', 'default', {'data': {'a': '2'}})
seen = []
for event in watch.Watch().stream(core.list_namespaced_config_map, 'default', label_selector='by=python',
                                  resource_version=made.metadata.resource_version, timeout_seconds=5):
    seen.append(event['type'])
    if event['type'] == 'MODIFIED': core.delete_namespaced_config_map('py', 'default')
    if event['type'] == 'DELETED': break
print(seen)
try: core.read_namespaced_config_map('py', 'default')
except client.ApiException as error: print(error.status, error.reason)
print(stream(core.connect_get_namespaced_pod_exec, 'box', 'default', command=['echo', 'from', 'python'], stdout=True, stderr=True, stdin=False, tty=False).strip())
print([node.metadata.name for node in core.list_node().items])
print(client.VersionApi().get_code().major)
`;

describe("other people's clients", { skip: cannotRunClusters(), timeout: 240_000 }, () => {
  let cluster: TestCluster;
  before(async () => {
    cluster = await startCluster({ nodes: ['node1'] });
    await cluster.kubectlOk('run', 'box', '--image=busybox', '--', 'sleep', '1000');
    await cluster.kubectlOk('wait', '--for=condition=Ready', 'pod/box', '--timeout=30s');
  });
  after(() => cluster?.stop());

  test('@kubernetes/client-node: an informer sees what happens, and goes on after its watch ended', async () => {
    const config = new KubeConfig();
    config.loadFromFile(cluster.running.kubeconfig);
    const core = config.makeApiClient(CoreV1Api);
    const namespace = 'default';
    const seen: string[] = [];
    const informer = makeInformer(config, `/api/v1/namespaces/${namespace}/configmaps`, () => core.listNamespacedConfigMap({ namespace }));
    for (const event of ['add', 'update', 'delete'] as const)
      informer.on(event, ({ metadata, data }) => {
        if (metadata?.name === 'watched') seen.push(`${event} ${data?.['a']}`);
      });
    const closed = Promise.withResolvers<void>();
    informer.on('error', () => closed.resolve());
    await informer.start();
    try {
      const body = { metadata: { name: 'watched' }, data: { a: '1' } };
      await core.createNamespacedConfigMap({ namespace, body });
      await core.replaceNamespacedConfigMap({ namespace, name: 'watched', body: { ...body, data: { a: '2' } } });
      await eventually('the update arrives', 10_000, async () => seen.includes('update 2'));
      assert.equal(informer.get('watched', namespace)?.data?.['a'], '2');
      // As after a crash of the server: the client lists again and goes on.
      await cluster.crash();
      config.loadFromFile(cluster.running.kubeconfig);
      await closed.promise;
      await informer.start();
      await config.makeApiClient(CoreV1Api).deleteNamespacedConfigMap({ namespace, name: 'watched' });
      await eventually('the end arrives', 10_000, async () => seen.at(-1) === 'delete 2');
      assert.deepEqual([...new Set(seen)], ['add 1', 'update 2', 'delete 2']);
      await eventually('the pod runs again', 30_000, async () => (await cluster.kubectl('exec', 'box', '--', 'true')).code === 0);
    } finally {
      await informer.stop();
    }
  });

  test('exec as clients before 1.30 speak it: v4.channel.k8s.io', async () => {
    const { clusters, users } = JSON.parse(readFileSync(cluster.running.kubeconfig, 'utf8')) as {
      clusters: { cluster: { server: string; 'certificate-authority-data': string } }[];
      users: { user: Record<string, string> }[];
    };
    const decode = (text: string | undefined) => Buffer.from(text ?? '', 'base64');
    const query = new URLSearchParams({ stdout: 'true', stderr: 'true', container: 'box' });
    for (const word of ['sh', '-c', 'echo out; echo err >&2; exit 3']) query.append('command', word);
    const address = `${clusters[0]!.cluster.server.replace('https', 'wss')}/api/v1/namespaces/default/pods/box/exec?${query}`;
    const socket = new WebSocket(address, ['v4.channel.k8s.io'], {
      ca: decode(clusters[0]!.cluster['certificate-authority-data']),
      cert: decode(users[0]!.user['client-certificate-data']),
      key: decode(users[0]!.user['client-key-data']),
    });
    const channels = ['', '', '', ''];
    socket.on('message', (data: Buffer) => {
      channels[data[0]!] += data.subarray(1).toString();
    });
    await once(socket, 'close');
    assert.equal(socket.protocol, 'v4.channel.k8s.io');
    assert.deepEqual(channels.slice(1, 3), ['out\n', 'err\n']);
    const status = JSON.parse(channels[3]!) as { reason: string; details: { causes: object[] } };
    assert.deepEqual([status.reason, status.details.causes], ['NonZeroExitCode', [{ reason: 'ExitCode', message: '3' }]]);
  });

  test("Python's kubernetes: objects, a watch, exec", {
    skip: python === undefined && 'no Python client: "node scripts/setup/python-kubernetes.mjs" installs it',
  }, async () => {
    const { code, stdout, stderr } = await run(python!, ['-c', PYTHON], { ...process.env, KUBECONFIG: cluster.running.kubeconfig });
    assert.equal(code, 0, stderr);
    assert.deepEqual(stdout.trim().split('\n'), ["['MODIFIED', 'DELETED']", '404 Not Found', 'from python', "['node1']", '1']);
  });

  test('Helm: a chart with a definition, a webhook and hooks comes, changes, goes back and goes', {
    skip: helm === undefined && 'no Helm: "node scripts/setup/helm.mjs" builds it',
  }, async () => {
    const env = { ...process.env, KUBECONFIG: cluster.running.kubeconfig };
    const asked = async (...args: string[]) => run(helm!, [...args, '--namespace', 'charts', '--timeout', '90s'], env);
    const ok = async (...args: string[]) => {
      const { code, stdout, stderr } = await asked(...args);
      assert.equal(code, 0, `helm ${args.join(' ')}: ${stderr}${stdout}`);
      return stdout;
    };
    const text = () => cluster.kubectlOk('-n', 'charts', 'get', 'greeting', 'hi', '-o', 'jsonpath={.spec.text}');
    const chart = join(examples, 'helm-chart');
    assert.match(await ok('install', 'hi', chart, '--create-namespace', '--wait'), /STATUS: deployed/);
    assert.equal(await text(), 'hello');
    assert.equal(await cluster.kubectlOk('-n', 'charts', 'logs', 'job/hi-pre-install'), 'pre-install\n');

    await ok('upgrade', 'hi', chart, '--set', 'text=goodbye', '--wait');
    assert.equal(await text(), 'goodbye');
    assert.equal(await cluster.kubectlOk('-n', 'charts', 'logs', 'job/hi-post-upgrade'), 'post-upgrade\n');
    const refused = await asked('upgrade', 'hi', chart, '--set', 'text=curse');
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /admission webhook "judge\.chart\.example\.com" denied the request: mind your words/);

    await ok('rollback', 'hi', '1', '--wait');
    assert.equal(await text(), 'hello');
    assert.match((await run(helm!, ['history', 'hi', '--namespace', 'charts'], env)).stdout, /Rollback to 1/);
    await ok('uninstall', 'hi', '--wait');
    assert.match((await cluster.kubectl('-n', 'charts', 'get', 'greetings,deployments,services')).stderr, /No resources found/);
    await cluster.kubectlOk('get', 'crd', 'greetings.chart.example.com');
  });
});
