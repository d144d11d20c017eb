import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { after, beforeEach, test } from 'node:test';
import type { KubernetesObject } from '@palisade/kubernetes';
import { issueAuthority, issueLeaf } from '../pki/issue.ts';
import { CORE, configMap, type Harness, pod, startHarness } from '../testing/harness.ts';

const ca = await issueAuthority('hook-ca', new Date(), 1);
const names = { dnsNames: ['hook.default.svc'], ipAddresses: ['127.0.0.1'] };
const leaf = await issueLeaf(ca, { commonName: 'hook', organizations: [], ...names, usage: 'server' }, new Date(), 1);

// biome-ignore lint/suspicious/noExplicitAny: tests look into wire objects
type Review = any;
let answer: (request: Review, path: string) => object;
let asked: { path: string; request: Review }[] = [];

const hook = createServer({ cert: leaf.certificatePem, key: leaf.privateKeyPem }, async (req, res) => {
  const chunks: Buffer[] = [];
  for await (const chunk of req) chunks.push(chunk);
  const { request } = JSON.parse(Buffer.concat(chunks).toString());
  const path = (req.url ?? '').split('?')[0]!;
  asked.push({ path, request });
  res.end(
    JSON.stringify({
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      response: { uid: request.uid, allowed: true, ...answer(request, path) },
    }),
  );
});
hook.listen(0, '127.0.0.1');
await once(hook, 'listening');
const { port } = hook.address() as AddressInfo;

const harness: Harness = await startHarness({
  dialService: async (namespace, name) => {
    if (`${namespace}/${name}` !== 'default/hook') throw new Error(`no such service ${namespace}/${name}`);
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return socket;
  },
});
after(async () => {
  await harness[Symbol.asyncDispose]();
  hook.close();
});
const { client, fetch } = harness;

const GROUP = { group: 'admissionregistration.k8s.io', version: 'v1' };
const caBundle = Buffer.from(ca.certificatePem).toString('base64');
const patchOf = (...operations: object[]) => ({
  patchType: 'JSONPatch',
  patch: Buffer.from(JSON.stringify(operations)).toString('base64'),
});

async function register(kind: 'Mutating' | 'Validating', name: string, ...webhooks: object[]): Promise<void> {
  const resource = `${kind.toLowerCase()}webhookconfigurations`;
  const defaults = (index: number) => ({
    name: `w${index}.${name}.example.com`,
    admissionReviewVersions: ['v1'],
    sideEffects: 'None',
    clientConfig: { caBundle, service: { namespace: 'default', name: 'hook', path: `/${name}${index}` } },
    rules: [{ operations: ['CREATE', 'UPDATE', 'DELETE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods', 'configmaps'] }],
  });
  const object: KubernetesObject = {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: `${kind}WebhookConfiguration`,
    metadata: { name },
    webhooks: webhooks.map((webhook, i) => ({ ...defaults(i), ...webhook })),
  };
  await client.create({ ...GROUP, resource }, object);
}

beforeEach(async () => {
  for (const resource of ['mutatingwebhookconfigurations', 'validatingwebhookconfigurations']) {
    for (const { metadata } of (await client.list({ ...GROUP, resource })).items)
      await client.delete({ ...GROUP, resource }, { name: metadata.name! });
  }
  answer = () => ({});
  asked = [];
});

test('a mutating webhook injects a container, which gets defaults and its token like any other', async () => {
  await register('Mutating', 'inject', {});
  answer = () => patchOf({ op: 'add', path: '/spec/containers/-', value: { name: 'side', image: 'proxy' } });
  const made = await client.create(CORE('pods'), pod('injected'));
  const [own, side] = made['spec'].containers;
  assert.deepEqual([side.name, side.imagePullPolicy, side.terminationMessagePath], ['side', 'Always', '/dev/termination-log']);
  assert.deepEqual(side.volumeMounts, own.volumeMounts);
  assert.equal(made['spec'].volumes.length, 1);
  const { request } = asked[0]!;
  assert.deepEqual(
    [request.operation, request.kind, request.resource, request.namespace, request.userInfo.username],
    ['CREATE', { group: '', version: 'v1', kind: 'Pod' }, CORE('pods'), 'default', 'system:apiserver'],
  );
});

test('a validating webhook denies; its words and warnings reach the client', async () => {
  await register('Validating', 'deny', {});
  answer = (request) => ({ allowed: request.object?.data?.ok === 'yes', warnings: ['mind the gap'], status: { message: 'not ok' } });
  const denied = await fetch('POST', '/api/v1/namespaces/default/configmaps', { body: configMap('v') });
  assert.deepEqual([denied.code, denied.json.message], [400, 'admission webhook "w0.deny.example.com" denied the request: not ok']);
  const allowed = await fetch('POST', '/api/v1/namespaces/default/configmaps', { body: configMap('v', { ok: 'yes' }) });
  assert.deepEqual([allowed.code, allowed.headers['warning']], [201, '299 - "mind the gap"']);
  assert.equal((await fetch('PUT', '/api/v1/namespaces/default/configmaps/v', { body: configMap('v') })).code, 400);
  assert.equal((await fetch('DELETE', '/api/v1/namespaces/default/configmaps/v')).code, 400);
  assert.equal(asked.at(-1)?.request.oldObject.metadata.name, 'v');
  assert.equal((await client.get(CORE('configmaps'), { namespace: 'default', name: 'v' }))['data'].ok, 'yes');
});

test('a webhook that fails: refused, or ignored if it says so; a bad certificate and a bad patch are failures', async () => {
  const broken: object[] = [
    { clientConfig: { caBundle, service: { namespace: 'default', name: 'nosuch' } } },
    { clientConfig: { url: `https://127.0.0.1:${port}/x` } },
    { clientConfig: { caBundle, url: 'https://127.0.0.1:1/x' } },
  ];
  for (const webhook of broken) {
    await register('Mutating', 'broken', webhook);
    const refused = await fetch('POST', '/api/v1/namespaces/default/configmaps', { body: configMap('f') });
    assert.equal(refused.code, 500);
    assert.match(
      refused.json.message,
      /^Internal error occurred: failed calling webhook "w0\.broken\.example\.com": failed to call webhook: /,
    );
    await client.delete({ ...GROUP, resource: 'mutatingwebhookconfigurations' }, { name: 'broken' });
    await register('Mutating', 'ignored', { ...webhook, failurePolicy: 'Ignore' });
    assert.equal((await fetch('POST', '/api/v1/namespaces/default/configmaps?dryRun=All', { body: configMap('f') })).code, 201);
    await client.delete({ ...GROUP, resource: 'mutatingwebhookconfigurations' }, { name: 'ignored' });
  }
  await register('Mutating', 'patch', {});
  answer = () => patchOf({ op: 'remove', path: '/nosuch' });
  assert.equal((await fetch('POST', '/api/v1/namespaces/default/configmaps', { body: configMap('f') })).code, 500);
  assert.equal((await fetch('GET', '/api/v1/namespaces/default/configmaps/f')).code, 404);
});

test('who is asked: rules, selectors, order, again when told so, dry runs', async () => {
  await client.create(CORE('namespaces'), { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'marked', labels: { hook: 'on' } } });
  await register(
    'Mutating',
    'a',
    { reinvocationPolicy: 'IfNeeded' },
    { namespaceSelector: { matchLabels: { hook: 'on' } } },
    { objectSelector: { matchLabels: { x: 'y' } } },
    { rules: [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['secrets'] }] },
  );
  await register('Mutating', 'b', {});
  answer = (_request, path) => (path === '/b0' ? patchOf({ op: 'add', path: '/metadata/labels', value: { by: 'b' } }) : {});
  const paths = () => asked.splice(0).map(({ path }) => path);
  await client.create(CORE('configmaps'), configMap('m'));
  assert.deepEqual(paths(), ['/a0', '/b0', '/a0']);
  await client.create(CORE('configmaps'), configMap('m', {}, 'marked'));
  assert.deepEqual(paths(), ['/a0', '/a1', '/b0', '/a0']);
  const labelled = configMap('n');
  labelled.metadata.labels = { x: 'y' };
  await client.create(CORE('configmaps'), labelled);
  assert.deepEqual(paths(), ['/a0', '/a2', '/b0', '/a0']);
  await client.create(CORE('serviceaccounts'), { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 's', namespace: 'default' } });
  assert.deepEqual(paths(), []);
  await register('Validating', 'side', { sideEffects: 'NoneOnDryRun' });
  assert.equal((await fetch('POST', '/api/v1/namespaces/default/configmaps?dryRun=All', { body: configMap('d') })).code, 201);
  assert.equal(asked.at(-1)?.request.dryRun, true);
});

test('conditions: asked only when all hold; one that fails to evaluate counts as the webhook failing', async () => {
  const wanted = { name: 'wanted', expression: "request.operation == 'CREATE' && object.data.want == 'yes'" };
  const others = { name: 'others', expression: "!request.userInfo.groups.exists(g, g == 'nobody') && oldObject == null" };
  await register('Validating', 'cond', { matchConditions: [wanted, others] }, { matchConditions: [wanted], failurePolicy: 'Ignore' });
  await client.create(CORE('configmaps'), configMap('c1', { want: 'no' }));
  assert.deepEqual(asked, []);
  await client.create(CORE('configmaps'), configMap('c2', { want: 'yes' }));
  assert.deepEqual(asked.map(({ path }) => path).sort(), ['/cond0', '/cond1']);
  // Without data the first condition cannot be evaluated.
  const refused = await fetch('POST', '/api/v1/namespaces/default/configmaps', {
    body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c3' } },
  });
  assert.equal(refused.code, 403);
  assert.match(refused.json.message, /is forbidden: expression '.*' resulted in error: no such key: data/);
});

test('what cannot be obeyed is not stored', async () => {
  await assert.rejects(
    register('Mutating', 'cel', { matchConditions: [{ name: 'x', expression: 'authorizer.path("/x")' }] }),
    /webhooks\[0\]\.matchConditions\[0\]\.expression: Invalid value: .*compilation failed/,
  );
  await assert.rejects(
    register('Mutating', 'cel', { matchConditions: [{ name: 'x', expression: '1 + 1' }] }),
    /webhooks\[0\]\.matchConditions\[0\]\.expression: Invalid value: .*must evaluate to bool/,
  );
});

/** What a webhook heard, in short: operation, resource with subresource, name and kind, the object's own kind. */
const heard = () =>
  asked.map(({ request: { operation, resource, subResource, name, kind, object } }) =>
    [operation, `${resource.resource}/${subResource ?? ''}`, name, kind.kind, object?.kind ?? null].join(' '),
  );
const POD = '/api/v1/namespaces/default/pods/p';
const binding = { apiVersion: 'v1', kind: 'Binding', metadata: { name: 'p' }, target: { kind: 'Node', name: 'n' } };
const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'p' } };
const everything = { rules: [{ operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources: ['*/*'] }] };

test('subresources with kinds of their own: Binding, Eviction, Scale, TokenRequest, a namespace finalized', async () => {
  await client.create(CORE('pods'), pod('p'));
  await client.create(CORE('replicationcontrollers'), {
    apiVersion: 'v1',
    kind: 'ReplicationController',
    metadata: { name: 'rc', namespace: 'default' },
    spec: { replicas: 1, selector: { a: 'b' }, template: { metadata: { labels: { a: 'b' } }, spec: pod('x')['spec'] } },
  });
  await client.create(CORE('namespaces'), { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'going' } });
  await register('Mutating', 'all', everything);
  answer = (request) =>
    request.kind.kind === 'Scale' && request.object.spec.replicas === 5 ? patchOf({ op: 'replace', path: '/spec/replicas', value: 3 }) : {};
  assert.equal((await fetch('POST', `${POD}/binding`, { body: binding })).code, 201);
  const scale = '/api/v1/namespaces/default/replicationcontrollers/rc/scale';
  const headers = { 'Content-Type': 'application/merge-patch+json' };
  const scaled = await fetch('PATCH', scale, { body: { spec: { replicas: 5 } }, headers });
  assert.deepEqual([scaled.code, scaled.json.spec.replicas], [200, 3]);
  const token = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} };
  assert.equal((await fetch('POST', '/api/v1/namespaces/default/serviceaccounts/default/token', { body: token })).code, 201);
  const namespace = (await fetch('GET', '/api/v1/namespaces/going')).json;
  assert.equal((await fetch('PUT', '/api/v1/namespaces/going/finalize', { body: namespace })).code, 200);
  assert.equal((await fetch('POST', `${POD}/eviction`, { body: eviction })).code, 201);
  assert.deepEqual(heard(), [
    'CREATE pods/binding p Binding Binding',
    'UPDATE replicationcontrollers/scale rc Scale Scale',
    'CREATE serviceaccounts/token default TokenRequest TokenRequest',
    'UPDATE namespaces/finalize going Namespace Namespace',
    'CREATE pods/eviction p Eviction Eviction',
  ]);
});

test('each of them may be denied, and then nothing has happened', async () => {
  await client.create(CORE('pods'), pod('q'));
  await register('Validating', 'all', everything);
  answer = () => ({ allowed: false });
  const other = POD.replace(/p$/, 'q');
  const attempts: [string, string, object?][] = [
    ['POST', `${other}/binding`, { ...binding, metadata: { name: 'q' } }],
    ['POST', `${other}/eviction`, { ...eviction, metadata: { name: 'q' } }],
    ['DELETE', other],
  ];
  for (const [method, path, body] of attempts) {
    const { code, json } = await fetch(method, path, body === undefined ? {} : { body });
    assert.deepEqual([code, json.message], [400, 'admission webhook "w0.all.example.com" denied the request without explanation'], path);
  }
  const left = await client.get(CORE('pods'), { namespace: 'default', name: 'q' });
  assert.deepEqual([left['spec'].nodeName, left.metadata.deletionTimestamp], [undefined, undefined]);
});

test('mutating webhooks hear of deletions and cannot change what goes', async () => {
  await client.create(CORE('configmaps'), configMap('d'));
  await register('Mutating', 'change', {});
  answer = () => patchOf({ op: 'add', path: '/data', value: {} });
  const refused = await fetch('DELETE', '/api/v1/namespaces/default/configmaps/d');
  assert.deepEqual(
    [refused.code, refused.json.message],
    [
      500,
      'Internal error occurred: admission webhook "w0.change.example.com" attempted to modify the object, which is not supported for this operation',
    ],
  );
  answer = () => patchOf();
  assert.equal((await fetch('DELETE', '/api/v1/namespaces/default/configmaps/d')).code, 200);
  assert.equal(asked.at(-1)?.request.oldObject.metadata.name, 'd');
});

const upgrade = { Connection: 'Upgrade', Upgrade: 'SPDY/3.1', 'X-Stream-Protocol-Version': 'v4.channel.k8s.io' };

test('connections: exec, attach, port-forward and proxy are asked about with their options, before the pod is looked for', async () => {
  await register('Validating', 'connect', everything);
  answer = () => ({ allowed: false, status: { message: 'no way in' } });
  const connections: [string, string, object][] = [
    [
      'exec?command=sh&command=-c&container=c&stdin=true&stdout=1&tty=false',
      'PodExecOptions',
      { stdin: true, stdout: true, container: 'c', command: ['sh', '-c'] },
    ],
    ['attach?stdout=true', 'PodAttachOptions', { stdout: true }],
    ['portforward?ports=80&ports=443', 'PodPortForwardOptions', { ports: [80, 443] }],
  ];
  for (const [path, kind, options] of connections) {
    const refused = await fetch('GET', `/api/v1/namespaces/default/pods/nosuch/${path}`, { headers: upgrade });
    assert.deepEqual(
      [refused.code, refused.json.message],
      [400, 'admission webhook "w0.connect.example.com" denied the request: no way in'],
    );
    const { request } = asked.at(-1)!;
    assert.deepEqual([request.operation, request.name, request.options, request.oldObject], ['CONNECT', 'nosuch', null, null]);
    assert.deepEqual(request.object, { kind, apiVersion: 'v1', ...options });
  }
  assert.equal((await fetch('GET', '/api/v1/namespaces/default/services/http:web:80/proxy/a/b?dryRun=x')).code, 400);
  const { request } = asked.at(-1)!;
  assert.deepEqual([request.name, request.object], ['http:web:80', { kind: 'ServiceProxyOptions', apiVersion: 'v1', path: '/a/b' }]);
});

test('selectors by label never take the options of a connection', async () => {
  const matchExpressions = [{ key: 'any', operator: 'DoesNotExist' }];
  await register('Validating', 'connect', { ...everything, objectSelector: { matchExpressions } });
  answer = () => ({ allowed: false });
  const answered = await fetch('GET', '/api/v1/namespaces/default/pods/nosuch/exec?command=sh', { headers: upgrade });
  assert.deepEqual([answered.code, asked.length], [404, 0]);
});

test('patches of one object side by side, each asked about, all get on', async () => {
  await client.create(CORE('configmaps'), configMap('busy'));
  await register('Mutating', 'busy', {});
  const keys = Array.from({ length: 16 }, (_, index) => `k${index}`);
  const key = { namespace: 'default', name: 'busy' };
  await Promise.all(keys.map((one) => client.patch(CORE('configmaps'), key, 'application/merge-patch+json', { data: { [one]: 'v' } })));
  assert.deepEqual(Object.keys((await client.get(CORE('configmaps'), key))['data']).sort(), keys.sort());
});
