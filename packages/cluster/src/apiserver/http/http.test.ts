import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, test } from 'node:test';
import { connect } from 'node:tls';
import { CORE, configMap, type Harness, pod, startHarness } from '../testing/harness.ts';

const harness: Harness = await startHarness({
  aggregated: new Map([['metrics.example.com', (_req, res, user) => void res.end(`hello ${user.username}`)]]),
});
after(() => harness[Symbol.asyncDispose]());
const { client, fetch } = harness;

const MAPS = '/api/v1/namespaces/default/configmaps';

test('nobody is anonymous, and a forged token is nobody', async () => {
  for (const path of ['/', '/api', '/version', '/healthz', MAPS, '/apis/metrics.example.com/v1/x', '/nosuch']) {
    for (const token of [undefined, 'x.y.z', 'eyJhbGciOiJub25lIn0.e30.']) {
      const answer = await fetch('GET', path, token === undefined ? { anonymous: true } : { token });
      assert.deepEqual([answer.code, answer.json.reason], [401, 'Unauthorized'], `${path} ${token}`);
    }
  }
});

test('a service account may look around and nothing else until a role says so', async () => {
  const token = await harness.server.issueServiceAccountToken('default', 'default');
  assert.equal((await fetch('GET', '/api', { token })).code, 200);
  const denied = await fetch('GET', MAPS, { token });
  assert.equal(denied.code, 403);
  assert.equal(
    denied.json.message,
    'configmaps is forbidden: User "system:serviceaccount:default:default" cannot list resource "configmaps" in API group "" in the namespace "default"',
  );
  const rbac = (resource: string) => ({ group: 'rbac.authorization.k8s.io', version: 'v1', resource });
  const metadata = { name: 'reader', namespace: 'default' };
  const apiVersion = 'rbac.authorization.k8s.io/v1';
  await client.create(rbac('roles'), {
    apiVersion,
    kind: 'Role',
    metadata,
    rules: [{ apiGroups: [''], resources: ['configmaps'], resourceNames: ['open'], verbs: ['get'] }],
  });
  await client.create(rbac('rolebindings'), {
    apiVersion,
    kind: 'RoleBinding',
    metadata,
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'reader' },
    subjects: [{ kind: 'ServiceAccount', name: 'default', namespace: 'default' }],
  });
  await client.create(CORE('configmaps'), configMap('open'));
  await client.create(CORE('configmaps'), configMap('shut'));
  assert.equal((await fetch('GET', `${MAPS}/open`, { token })).code, 200);
  assert.equal((await fetch('GET', `${MAPS}/shut`, { token })).code, 403);
  assert.equal((await fetch('DELETE', `${MAPS}/open`, { token })).code, 403);
  const review = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    spec: { resourceAttributes: { verb: 'get', resource: 'configmaps', namespace: 'default', name: 'open' } },
  };
  const allowed = await fetch('POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', { token, body: review });
  assert.equal(allowed.json.status.allowed, true);
});

test('a bound token ends with its pod', async () => {
  const made = await client.create(CORE('pods'), pod('bound'));
  const spec = { expirationSeconds: 3600, boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'bound', uid: made.metadata.uid } };
  const asked = await fetch('POST', '/api/v1/namespaces/default/serviceaccounts/default/token', {
    body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec },
  });
  assert.equal(asked.code, 201);
  const token = asked.json.status.token;
  const review = async () =>
    (
      await fetch('POST', '/apis/authentication.k8s.io/v1/tokenreviews', {
        body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token } },
      })
    ).json.status;
  assert.deepEqual((await review()).user.extra['authentication.kubernetes.io/pod-name'], ['bound']);
  await client.delete(CORE('pods'), { namespace: 'default', name: 'bound' });
  assert.equal((await review()).authenticated, undefined);
  assert.equal((await fetch('GET', '/api', { token })).code, 401);
});

test('aggregated groups are answered by their handler', async () => {
  assert.equal((await fetch('GET', '/apis/metrics.example.com/v1/things')).text, 'hello kubernetes-admin');
});

test('paths and methods that are not there', async () => {
  const cases: [method: string, path: string, code: number, text: RegExp][] = [
    ['GET', '/api/v1/nosuch', 404, /the server could not find the requested resource/],
    ['GET', '/apis/nosuch.group/v1/x', 404, /404 page not found/],
    ['GET', `${MAPS}/nosuch`, 404, /configmaps \\"nosuch\\" not found/],
    ['POST', `${MAPS}/x`, 405, /./],
    ['PUT', MAPS, 405, /./],
    ['GET', '/api/v1/bindings', 405, /./],
    ['GET', '/api/v1/namespaces/default/nodes/x', 404, /./],
    ['OPTIONS', MAPS, 405, /./],
    ['GET', `${MAPS}?labelSelector=%3D%3D`, 400, /found '==', expected: !, identifier/],
    ['GET', `${MAPS}?fieldSelector=spec.x%3D1`, 400, /\\"spec.x\\" is not a known field selector/],
    ['GET', `${MAPS}?resourceVersion=abc`, 400, /invalid resource version/],
    ['GET', `${MAPS}?resourceVersion=999999`, 504, /Too large resource version/],
    ['GET', `${MAPS}?continue=abc`, 400, /continue/],
    ['GET', `${MAPS}?limit=x`, 400, /strconv.ParseInt/],
    ['POST', `${MAPS}?dryRun=Some`, 422, /dryRun/],
    ['GET', '/%zz', 400, /./],
  ];
  for (const [method, path, code, text] of cases) {
    const answer = await fetch(method, path, method === 'POST' ? { body: configMap('never') } : {}).catch((error) => ({
      code: 405,
      text: String(error),
    }));
    assert.equal(answer.code, code, `${method} ${path}: ${answer.text}`);
    assert.match(answer.text, text);
  }
});

test('bodies: YAML is read, nonsense, depth, size and unknown media types are refused', async () => {
  const post = (body: string, type = 'application/json', query = '') =>
    fetch('POST', `${MAPS}${query}`, { body, headers: { 'Content-Type': type } });
  assert.equal((await post('apiVersion: v1\nkind: ConfigMap\nmetadata: {name: yaml}\ndata: {a: b}\n', 'application/yaml')).code, 201);
  assert.match(
    (await post('kind: ConfigMap\nmetadata: {name: twice}\nkind: ConfigMap\n', 'application/yaml', '?fieldValidation=Strict')).json.message,
    /strict decoding error: yaml: unmarshal errors:\n {2}line 3: key "kind" already set in map/,
  );
  assert.equal((await post('{')).code, 400);
  assert.equal((await post('[]')).code, 400);
  assert.equal((await post('')).code, 400);
  const deep = `${'{"a":'.repeat(501)}1${'}'.repeat(501)}`;
  assert.match((await post(deep)).json.message, /too deeply nested: limit is 500 levels/);
  const deepPatch = await fetch('PATCH', `${MAPS}/yaml`, { body: deep, headers: { 'Content-Type': 'application/merge-patch+json' } });
  assert.match(deepPatch.json.message, /too deeply nested: limit is 500 levels/);
  assert.equal(
    (
      await post(
        'a: &a [x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c,*c,*c]\n',
        'application/yaml',
      )
    ).code,
    400,
  );
  assert.equal((await post('x', 'text/plain')).code, 415);
  assert.equal((await post(JSON.stringify(configMap('big', { a: 'x'.repeat(4_000_000) })))).code, 413);
  const patch = await fetch('PATCH', `${MAPS}/yaml`, { body: {}, headers: { 'Content-Type': 'application/json' } });
  assert.equal(patch.code, 415);
});

test('field validation: refused, warned about, or dropped', async () => {
  const body = { ...configMap('strict'), foo: 1 };
  const strict = await fetch('POST', `${MAPS}?fieldValidation=Strict`, { body });
  assert.equal(strict.code, 400);
  assert.equal(
    strict.json.message,
    'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "foo"',
  );
  const warned = await fetch('POST', `${MAPS}?fieldValidation=Warn`, { body });
  assert.deepEqual([warned.code, warned.headers['warning']], [201, '299 - "unknown field \\"foo\\""']);
  const ignored = await fetch('PUT', `${MAPS}/strict?fieldValidation=Ignore`, { body });
  assert.deepEqual([ignored.code, ignored.headers['warning'], ignored.json.foo], [200, undefined, undefined]);
  const kind = await fetch('POST', MAPS, { body: { ...body, kind: 'Secret' } });
  assert.equal(
    kind.json.message,
    'Secret in version "v1" cannot be handled as a ConfigMap: converting (v1.Secret) to (core.ConfigMap): unknown conversion',
  );
});

test('a dry run answers as if and stores nothing', async () => {
  const dry = await fetch('POST', `${MAPS}?dryRun=All`, { body: configMap('dry') });
  assert.equal(dry.code, 201);
  assert.equal((await fetch('GET', `${MAPS}/dry`)).code, 404);
  assert.equal((await fetch('DELETE', `${MAPS}/strict?dryRun=All`)).code, 200);
  assert.equal((await fetch('GET', `${MAPS}/strict`)).code, 200);
});

test('pages of a list are one consistent state', async () => {
  for (let i = 0; i < 5; i++)
    await client.create(CORE('secrets'), { apiVersion: 'v1', kind: 'Secret', metadata: { name: `s${i}`, namespace: 'default' } });
  const first = (await fetch('GET', '/api/v1/secrets?limit=2')).json;
  assert.deepEqual([first.items.length, first.metadata.remainingItemCount], [2, 3]);
  await client.delete(CORE('secrets'), { namespace: 'default', name: 's3' });
  await client.create(CORE('secrets'), { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's9', namespace: 'default' } });
  const rest = (await fetch('GET', `/api/v1/secrets?limit=9&continue=${first.metadata.continue}`)).json;
  assert.deepEqual(
    rest.items.map((item: { metadata: { name: string } }) => item.metadata.name),
    ['s2', 's3', 's4'],
  );
  assert.equal(rest.metadata.resourceVersion, first.metadata.resourceVersion);
});

test('tables and metadata alone', async () => {
  const accept = { Accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' };
  const table = (await fetch('GET', MAPS, { headers: accept })).json;
  assert.equal(table.kind, 'Table');
  assert.equal(table.columnDefinitions[0].name, 'Name');
  assert.deepEqual(
    table.rows.map((row: { cells: unknown[] }) => row.cells[0]),
    table.rows.map((row: { object: { metadata: { name: string } } }) => row.object.metadata.name),
  );
  const partial = (await fetch('GET', MAPS, { headers: { Accept: 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io' } }))
    .json;
  assert.deepEqual(Object.keys(partial.items[0]).sort(), ['apiVersion', 'kind', 'metadata']);
  assert.equal((await fetch('GET', MAPS, { headers: { Accept: 'text/html' } })).code, 406);
});

test('discovery is tagged and has all forms', async () => {
  const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json';
  const first = await fetch('GET', '/apis', { headers: { Accept: accept } });
  assert.equal(first.headers['content-type'], 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList');
  assert.equal(first.json.items[0].metadata.name, 'apiregistration.k8s.io');
  const again = await fetch('GET', '/apis', { headers: { Accept: accept, 'If-None-Match': String(first.headers['etag']) } });
  assert.equal(again.code, 304);
  assert.equal((await fetch('GET', '/apis')).json.kind, 'APIGroupList');
  const legacy = (await fetch('GET', '/api/v1')).json;
  assert.ok(legacy.resources.some((one: { name: string }) => one.name === 'pods/exec'));
  const index = (await fetch('GET', '/openapi/v3')).json;
  assert.equal((await fetch('GET', index.paths['apis/apps/v1'].serverRelativeURL)).json.openapi, '3.0.0');
});

test('a slow sender is cut off, the server stays up', async () => {
  const socket = connect({ host: '127.0.0.1', port: harness.port, ca: harness.server.caCertificatePem });
  socket.on('error', () => {});
  await once(socket, 'secureConnect');
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n'.padEnd(90_000, 'x'));
  await once(socket, 'close');
  assert.equal((await fetch('GET', '/readyz')).text, 'ok');
});

test('duplicate keys in JSON: refused, warned about or taken as fieldValidation says', async () => {
  const body = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"twice"},"data":{"a":"1","a":"2"}}';
  const path = '/api/v1/namespaces/default/configmaps?dryRun=All';
  const strict = await fetch('POST', `${path}&fieldValidation=Strict`, { body });
  assert.equal(strict.code, 400);
  assert.match(strict.json.message, /strict decoding error: duplicate field "data\.a"/);
  const warned = await fetch('POST', path, { body });
  assert.deepEqual([warned.code, warned.headers['warning']], [201, '299 - "duplicate field \\"data.a\\""']);
  assert.equal((await fetch('POST', `${path}&fieldValidation=Ignore`, { body })).headers['warning'], undefined);
});
