/** The unmodified kubectl against this server: what it prints and how it exits. `KUBECTL` names another one than that of PATH. */
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { CORE, type Harness, startHarness } from './testing/harness.ts';
import { processKubelet } from './testing/process-kubelet.ts';

const KUBECTL = process.env['KUBECTL'] ?? 'kubectl';
const found = spawnSync(KUBECTL, ['version', '--client'], { encoding: 'utf8' });
const skip = found.status === 0 ? false : `needs kubectl: ${KUBECTL} does not run (npm run setup fetches it)`;

const kubelet = processKubelet(['one', 'two']);
const harness: Harness | undefined = skip === false ? await startHarness({ kubelets: () => kubelet }) : undefined;
after(() => harness?.[Symbol.asyncDispose]());

interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** @param input written to standard input; `-f -` reads it */
function kubectl(args: string, input?: string): Promise<Run> {
  const { kubeconfigPath, directory } = harness!;
  const env = { ...process.env, HOME: directory, KUBECONFIG: kubeconfigPath };
  const words = args.match(/'[^']*'|\S+/g)!.map((word) => word.replace(/^'|'$/g, ''));
  return new Promise((resolve) => {
    const child = execFile(KUBECTL, [`--cache-dir=${join(directory, 'cache')}`, ...words], { env, timeout: 30_000 }, (error, out, err) => {
      resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : 1, out, err });
    });
    child.stdin!.on('error', () => {});
    child.stdin!.end(input ?? '');
  });
}

async function good(args: string, input?: string): Promise<string> {
  const { code, out, err } = await kubectl(args, input);
  assert.equal(code, 0, `kubectl ${args}: ${out}${err}`);
  return out;
}

async function bad(args: string, input?: string): Promise<string> {
  const { code, out, err } = await kubectl(args, input);
  assert.notEqual(code, 0, `kubectl ${args} should fail: ${out}`);
  return err;
}

const WEB = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: c, image: 'nginx:1', ports: [{containerPort: 80}], env: [{name: A, value: b}]}
      - {name: side, image: 'busybox:1'}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, type: NodePort, ports: [{port: 80}]}
`;

test('apply creates, leaves alone, changes; get and describe show it', { skip }, async () => {
  assert.equal(await good('apply -f -', WEB), 'deployment.apps/web created\nservice/web created\n');
  assert.equal(await good('apply -f -', WEB), 'deployment.apps/web unchanged\nservice/web unchanged\n');
  assert.equal(await good('apply -f -', WEB.replace('nginx:1', 'nginx:2')), 'deployment.apps/web configured\nservice/web unchanged\n');
  assert.equal(
    await good(`get deploy web -o 'jsonpath={.spec.template.spec.containers[*].image} {.metadata.generation}'`),
    'nginx:2 busybox:1 2',
  );
  assert.match(
    await good('get deployments -o wide'),
    /^NAME +READY +UP-TO-DATE +AVAILABLE +AGE +CONTAINERS +IMAGES +SELECTOR\nweb +0\/2 +0 +0 +\d+s +c,side +nginx:2,busybox:1 +app=web\n$/,
  );
  assert.match(
    await good('get svc web'),
    /^NAME +TYPE +CLUSTER-IP +EXTERNAL-IP +PORT\(S\) +AGE\nweb +NodePort +10\.96\.\d+\.\d+ +<none> +80:3\d{4}\/TCP +\d+s\n$/,
  );
  assert.match(await good('describe deploy web'), /Replicas: +2 desired \| 0 updated \| 0 total \| 0 available \| 0 unavailable/);
  assert.match(await good('describe svc web'), /IP Families: +IPv4/);
  assert.match(await good('get deploy,svc -A -l app=web'), /^NAMESPACE +NAME +READY.*\ndefault +deployment\.apps\/web/);
  assert.match(await good('get deploy web -o yaml'), /^ {2}replicas: 2$/m);
  assert.equal(await good('diff -f -', WEB.replace('nginx:1', 'nginx:2')), '');
});

test('scale, label, annotate, patch in its three types, set image, delete', { skip }, async () => {
  assert.equal(await good('scale deploy web --replicas 5'), 'deployment.apps/web scaled\n');
  assert.equal(await good('scale deploy web --replicas 3 --current-replicas 5'), 'deployment.apps/web scaled\n');
  await good('label deploy web tier=front');
  await good('annotate deploy web note=x');
  await good('label deploy web app-');
  await good('set image deploy/web side=busybox:9');
  await good(`patch deploy web -p '{"spec":{"template":{"spec":{"containers":[{"name":"side","command":["x"]}]}}}}'`);
  await good(`patch deploy web --type merge -p '{"metadata":{"annotations":{"note":null}}}'`);
  await good(
    `patch deploy web --type json -p '[{"op":"test","path":"/spec/replicas","value":3},{"op":"replace","path":"/spec/replicas","value":1}]'`,
  );
  const failed = await bad(`patch deploy web --type json -p '[{"op":"test","path":"/spec/replicas","value":7}]'`);
  assert.match(failed, /the server rejected our request due to an error in our request/);
  const web = await harness!.client.get({ group: 'apps', version: 'v1', resource: 'deployments' }, { namespace: 'default', name: 'web' });
  const { annotations, labels } = web.metadata;
  assert.deepEqual([labels, annotations?.['note'], web['spec'].replicas], [{ tier: 'front' }, undefined, 1]);
  assert.deepEqual(
    web['spec'].template.spec.containers.map(({ name, image, command }: { name: string; image: string; command?: string[] }) => [
      name,
      image,
      command,
    ]),
    [
      ['c', 'nginx:2', undefined],
      ['side', 'busybox:9', ['x']],
    ],
  );
  // 1.34 and later add "from default namespace".
  assert.match(await good('delete deploy,svc web'), /^deployment\.apps "web" deleted.*\nservice "web" deleted.*\n$/);
});

test('what create makes travels as protobuf', { skip }, async () => {
  await good('create ns n1');
  await good('create configmap m -n n1 --from-literal=a=b');
  await good('create secret generic s -n n1 --from-literal=p=q');
  await good('create deployment d -n n1 --image nginx --replicas 4');
  await good('create serviceaccount bot -n n1');
  await good('create role r -n n1 --verb get,list --resource pods');
  await good('create rolebinding rb -n n1 --role r --serviceaccount n1:bot');
  await good('create job j -n n1 --image busybox -- echo hi');
  await good('create service clusterip svc -n n1 --tcp 80:8080');
  await good('create ingress i -n n1 --rule=a.example/x=svc:80');
  const read = (what: string, path: string) => good(`get ${what} -n n1 -o 'jsonpath=${path}'`);
  assert.equal(await read('cm m', '{.data.a}'), 'b');
  assert.equal(await read('secret s', '{.data.p}'), 'cQ==');
  assert.equal(await read('deploy d', '{.spec.replicas} {.spec.template.spec.containers[0].image}'), '4 nginx');
  assert.equal(await read('job j', '{.spec.template.spec.containers[0].command}'), '["echo","hi"]');
  assert.equal(await read('svc svc', '{.spec.ports[0].targetPort}'), '8080');
  const token = (await good('create token bot -n n1')).trim();
  assert.match(token, /^[\w-]+\.[\w-]+\.[\w-]+$/);
  const asBot = {
    code: (await harness!.fetch('GET', '/api/v1/namespaces/n1/pods', { token })).code,
    other: (await harness!.fetch('GET', '/api/v1/pods', { token })).code,
  };
  assert.deepEqual(asBot, { code: 200, other: 403 });
});

test('refusals reach the user word for word', { skip }, async () => {
  assert.match(await bad('get pods nosuch'), /^Error from server \(NotFound\): pods "nosuch" not found/);
  assert.match(await bad('get things'), /the server doesn't have a resource type "things"/);
  assert.match(await bad('create ns n1'), /^Error from server \(AlreadyExists\): namespaces "n1" already exists/);
  const strict = await bad('apply -f -', 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\nfoo: 1\n');
  assert.match(strict, /strict decoding error: unknown field "foo"/);
  const invalid = await bad('apply -f -', 'apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec: {ports: [{port: 0}]}\n');
  assert.match(invalid, /The Service "x" is invalid: .*spec\.ports\[0\]\.port: Invalid value: 0: must be between 1 and 65535, inclusive/s);
  assert.match(await bad('apply -f -', 'a: [\n'), /error/);
  assert.match(await bad('delete ns default'), /this namespace may not be deleted/);
});

test('pods: run, wait, taint, exec, logs, delete with and without grace', { skip }, async () => {
  await harness!.client.create(CORE('nodes'), { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' } });
  assert.equal(await good('taint nodes n1 elasticsearch=false:NoExecute'), 'node/n1 tainted\n');
  assert.match(await good('describe node n1'), /Taints: +elasticsearch=false:NoExecute\n +node\.kubernetes\.io\/not-ready:NoSchedule/);
  assert.equal(await good('taint nodes n1 elasticsearch-'), 'node/n1 untainted\n');
  assert.equal(await good('run p --image busybox'), 'pod/p created\n');
  assert.match(await good('get pods'), /^NAME +READY +STATUS +RESTARTS +AGE\np +0\/1 +Pending +0 +\d+s\n$/);
  const key = { namespace: 'default', name: 'p' };
  await harness!.client.create(
    CORE('pods'),
    { apiVersion: 'v1', kind: 'Binding', metadata: { name: 'p' }, target: { kind: 'Node', name: 'n1' } },
    key,
    { subresource: 'binding' },
  );
  const waiting = good('wait pod/p --for condition=Ready --timeout 20s');
  const status = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };
  await harness!.client.patch(CORE('pods'), key, 'application/merge-patch+json', { status }, { subresource: 'status' });
  assert.equal(await waiting, 'pod/p condition met\n');
  assert.equal(await good('exec p -- echo hello'), 'hello\n');
  assert.equal((await kubectl(`exec p -- sh -c 'exit 3'`)).code, 3);
  assert.equal(await good('exec -i p -- cat', 'typed'), 'typed');
  assert.equal(await good('logs p --tail 1'), 'two\n');
  const deleting = good('delete pod p');
  for await (const event of harness!.client.watch(CORE('pods')))
    if (event.type === 'MODIFIED' && event.object.metadata.deletionTimestamp) break;
  await harness!.client.delete(CORE('pods'), key, { gracePeriodSeconds: 0 });
  assert.match(await deleting, /^pod "p" deleted/);
});

test('auth, discovery, explain, version', { skip }, async () => {
  assert.equal(await good('auth can-i delete nodes'), 'yes\n');
  assert.match(await good('auth whoami'), /kubernetes-admin/);
  assert.match(await good('auth can-i --list'), /\*\.\*/);
  assert.match(await good('api-resources'), /^deployments +deploy +apps\/v1 +true +Deployment$/m);
  assert.match(await good('api-versions'), /^networking\.k8s\.io\/v1$/m);
  assert.match(await good('explain deployment.spec.strategy.rollingUpdate'), /FIELD: rollingUpdate <RollingUpdateDeployment>/);
  assert.match(await good('version'), /Server Version: v1\.34\.4-palisade/);
  assert.match(await good('get --raw /readyz?verbose'), /readyz check passed/);
  await good('cluster-info');
});

test('get -w prints each change as it comes', { skip }, async () => {
  const { client } = harness!;
  await client.create(CORE('namespaces'), { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'watched' } });
  const watching = kubectl('get configmap -n watched -w --request-timeout 4s');
  await new Promise((resolve) => setTimeout(resolve, 1500));
  await client.create(CORE('configmaps'), {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'm', namespace: 'watched' },
    data: { a: 'b' },
  });
  await client.patch(CORE('configmaps'), { namespace: 'watched', name: 'm' }, 'application/merge-patch+json', { data: { c: 'd' } });
  const { out } = await watching;
  assert.match(out, /NAME +DATA +AGE\nm +1 +\d+s\nm +2 +\d+s\n/);
});

test('manifests from a file: create, replace, delete', { skip }, async () => {
  const path = join(harness!.directory, 'map.yaml');
  writeFileSync(path, 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: filed}\ndata: {a: b}\n');
  assert.equal(await good(`create -f ${path}`), 'configmap/filed created\n');
  writeFileSync(path, 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: filed}\ndata: {a: c}\n');
  assert.equal(await good(`replace -f ${path}`), 'configmap/filed replaced\n');
  assert.equal(await good(`apply --dry-run=server -f ${path}`).catch(() => ''), 'configmap/filed configured (server dry run)\n');
  assert.match(await good(`delete -f ${path}`), /^configmap "filed" deleted/);
});

test('a List: kubectl itself checks what is in it', { skip }, async () => {
  const list = (...items: string[]) => `apiVersion: v1\nkind: List\nitems:\n${items.map((item) => `- ${item}\n`).join('')}`;
  const map = '{apiVersion: v1, kind: ConfigMap, metadata: {name: listed}, data: {a: b}}';
  const service = '{apiVersion: v1, kind: Service, metadata: {name: listed}, spec: {ports: [{port: 80}]}}';
  assert.equal(await good('apply -f -', list(map, service)), 'configmap/listed created\nservice/listed created\n');
  const wrong = await bad('apply -f -', list(service.replace('port: 80', 'prot: 80')));
  assert.match(wrong, /unknown field "prot" in io\.k8s\.api\.core\.v1\.ServicePort/);
  assert.match(wrong, /missing required field "port" in io\.k8s\.api\.core\.v1\.ServicePort/);
  const backup = await good('get configmap,service listed -o yaml');
  assert.match(await good('apply -f -', backup), /configmap\/listed (configured|unchanged)/);
  assert.match(await good('delete -f -', list(map, service)), /configmap "listed" deleted.*\nservice "listed" deleted/);
});

test('apply --server-side, its conflicts, diff', { skip }, async () => {
  const map = (value: string) => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ssa}\ndata: {a: "${value}"}`;
  assert.equal(await good('apply --server-side -f -', map('1')), 'configmap/ssa serverside-applied\n');
  assert.equal(await good('diff --server-side -f -', map('1')), '');
  const { code, out } = await kubectl('diff --server-side -f -', map('2'));
  assert.equal(code, 1);
  assert.match(out, /^- {2}a: "1"$/m);
  assert.match(out, /^\+ {2}a: "2"$/m);
  await good('patch configmap ssa --field-manager=other --type=merge -p {"data":{"a":"3"}}');
  const conflict = await bad('apply --server-side -f -', map('2'));
  assert.match(conflict, /Apply failed with 1 conflict: conflict with "other" using v1: \.data\.a/);
  await good('apply --server-side --force-conflicts -f -', map('2'));
  assert.equal(await good("get configmap ssa -o 'jsonpath={.data.a}'"), '2');
});

test('from client-side to server-side apply: the fields move, nothing is lost', { skip }, async () => {
  const map = (data: string) => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: moved}\ndata: {${data}}`;
  await good('apply -f -', map('a: "1", b: "1"'));
  // As with a real server: the fields are taken over while their values are the same, then what is left out goes.
  await good('apply --server-side -f -', map('a: "1"'));
  assert.equal(await good("get configmap moved -o 'jsonpath={.data}'"), '{"a":"1"}');
  await good('apply --server-side -f -', map('a: "2"'));
  assert.equal(await good("get configmap moved -o 'jsonpath={.data}'"), '{"a":"2"}');
  assert.match(await good("get configmap moved --show-managed-fields -o 'jsonpath={.metadata.managedFields[*].manager}'"), /\bkubectl\b/);
});
