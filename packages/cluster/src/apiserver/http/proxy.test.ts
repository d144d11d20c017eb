import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { after, test } from 'node:test';
import { CORE, type Harness, pod, startHarness } from '../testing/harness.ts';

let seen: { url: string; headers: IncomingHttpHeaders; body: string } | undefined;
const target = createServer(async (req, res) => {
  seen = { url: req.url ?? '', headers: req.headers, body: Buffer.concat(await req.toArray()).toString() };
  if (req.url === '/moved') res.writeHead(302, { Location: '/elsewhere' }).end();
  else res.writeHead(418, { 'X-Answer': 'yes' }).end('short and stout');
});
target.listen(0, '127.0.0.1');
await once(target, 'listening');
const { port } = target.address() as AddressInfo;
const dialled: string[] = [];
const harness: Harness = await startHarness({
  async dialAddress(host, askedPort) {
    dialled.push(`${host}:${askedPort}`);
    if (askedPort === 1) throw new Error('connection refused');
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return socket;
  },
});
const { client, fetch } = harness;
after(async () => {
  await harness[Symbol.asyncDispose]();
  target.close();
});

await client.create(CORE('pods'), pod('web', { containers: [{ name: 'c', image: 'i', ports: [{ name: 'http', containerPort: 8080 }] }] }));
await client.patch(
  CORE('pods'),
  { namespace: 'default', name: 'web' },
  'application/merge-patch+json',
  { status: { podIP: '10.244.1.2', podIPs: [{ ip: '10.244.1.2' }] } },
  { subresource: 'status' },
);
await client.create(CORE('services'), {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace: 'default' },
  spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 80 }] },
});
const POD = '/api/v1/namespaces/default/pods';
const SERVICE = '/api/v1/namespaces/default/services';

test('a pod gets the request as it came, without the proof of who asked', async () => {
  const answer = await fetch('POST', `${POD}/web/proxy/a/b%20c?d=e`, {
    body: 'hello',
    headers: { Authorization: 'Bearer x', 'X-Mine': '1', 'Impersonate-User': 'joe', 'Impersonate-Group': 'system:masters' },
  });
  assert.equal(answer.code, 418);
  assert.equal(answer.text, 'short and stout');
  assert.equal(answer.headers['x-answer'], 'yes');
  assert.equal(seen?.url, '/a/b%20c?d=e');
  assert.equal(seen?.body, 'hello');
  assert.equal(seen?.headers['x-mine'], '1');
  assert.equal(seen?.headers.authorization, undefined);
  assert.deepEqual(
    Object.keys(seen?.headers ?? {}).filter((name) => name.startsWith('impersonate')),
    [],
  );
  assert.equal(dialled.at(-1), '10.244.1.2:8080', "the first container's port");
});

test('redirects stay below the proxy', async () => {
  const answer = await fetch('GET', `${POD}/web:http/proxy/moved`);
  assert.equal(answer.headers['location'], `${POD}/web:http/proxy/elsewhere`);
});

test('a Service means one of its ready endpoints', async () => {
  assert.equal((await fetch('GET', `${SERVICE}/web:http/proxy/`)).code, 503, 'nothing is ready behind it yet');
  await client.create(
    { group: 'discovery.k8s.io', version: 'v1', resource: 'endpointslices' },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 'web-1', namespace: 'default', labels: { 'kubernetes.io/service-name': 'web' } },
      addressType: 'IPv4',
      ports: [{ name: 'http', port: 9090, protocol: 'TCP' }],
      endpoints: [
        { addresses: ['10.244.1.9'], conditions: { ready: false } },
        { addresses: ['10.244.1.3'], conditions: { ready: true } },
      ],
    },
  );
  for (const name of ['web', 'web:80', 'http:web:http']) {
    assert.equal((await fetch('GET', `${SERVICE}/${name}/proxy/`)).code, 418, name);
    assert.equal(dialled.at(-1), '10.244.1.3:9090', name);
  }
});

test('what cannot be reached is said', async () => {
  const cases: [path: string, code: number, pattern: RegExp][] = [
    [`${POD}/none/proxy/`, 404, /pods "none" not found/],
    [`${POD}/web:99999/proxy/`, 400, /invalid port "99999"/],
    [`${POD}/ftp:web:80/proxy/`, 400, /invalid proxy request/],
    [`${POD}/web:1/proxy/`, 503, /error trying to reach service: dial tcp 10\.244\.1\.2:1: connection refused/],
    [`${SERVICE}/web:81/proxy/`, 503, /no endpoints available for service "web:81"/],
  ];
  for (const [path, code, pattern] of cases) {
    const answer = await fetch('GET', path);
    assert.equal(answer.code, code, path);
    assert.match(answer.json.message, pattern);
  }
});

test('proxying is a permission of its own', async () => {
  await client.create(CORE('serviceaccounts'), {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'dev', namespace: 'default' },
  });
  const token = await harness.server.issueServiceAccountToken('default', 'dev');
  const answer = await fetch('GET', `${POD}/web/proxy/`, { token });
  assert.equal(answer.code, 403);
  assert.match(answer.json.message, /cannot get resource "pods\/proxy"/);
});
