/** The whole control plane on an API in memory: who gets which certificate, the webhooks' answers, and a root that changes meanwhile. */
import assert from 'node:assert/strict';
import { randomBytes, X509Certificate } from 'node:crypto';
import { type ClientHttp2Session, connect } from 'node:http2';
import { request as httpsRequest } from 'node:https';
import { after, before, test } from 'node:test';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { createAuthority, createKeyAndRequest, type WorkloadId } from '@palisade/identity';
import type { KubernetesObject } from '@palisade/kubernetes';
import { TypeUrl } from '@palisade/xds';
import {
  DeltaDiscoveryRequestSchema,
  type DeltaDiscoveryResponse,
  DeltaDiscoveryResponseSchema,
} from '@palisade/xds/api/envoy/service/discovery/v3/discovery';
import { callUnary, GrpcCode, type GrpcError, openCall } from '@palisade/xds/grpc';
import { peerName, readPeer } from '@palisade/xds/peer';
import { startControlPlane } from './server.ts';
import { createFakeApi } from './testing/fake-api.ts';

const edges = { now: () => new Date(), randomBytes: (size: number) => randomBytes(size) };
const api = createFakeApi();
const lifetime = new AbortController();
const logged: string[] = [];
let plane: Awaited<ReturnType<typeof startControlPlane>>;
const sessions: ClientHttp2Session[] = [];

const configMap = (name: string, data: Record<string, string>): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { namespace: 'istio-system', name },
  data,
});
const configure = (mesh: string) => api.put('configmaps', configMap('istio', { mesh }));

before(async () => {
  await configure('trustDomainAliases: [old.example]\npalisade: {caDistribution: 0s}\n');
  await api.put('namespaces', {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'shop', labels: { 'istio-injection': 'enabled' } },
  });
  api.tokens.set('good', { audiences: ['istio-ca'], username: 'system:serviceaccount:shop:web', pod: 'web-1' });
  api.tokens.set('elsewhere', { audiences: ['kubernetes'], username: 'system:serviceaccount:shop:web' });
  api.tokens.set('person', { audiences: ['istio-ca'], username: 'alice' });
  plane = await startControlPlane({
    client: api.client,
    namespace: 'istio-system',
    edges,
    signal: lifetime.signal,
    log: (message) => logged.push(message),
    ports: { discovery: 0, webhook: 0, monitoring: 0, debug: 0 },
    name: 'istiod-1',
    dataplane: 'palisade',
  });
});
after(async () => {
  for (const session of sessions) session.destroy();
  lifetime.abort();
  await plane.close();
});

const anchors = async () => {
  const map = await api.client.get({ group: '', version: 'v1', resource: 'configmaps' }, { namespace: 'shop', name: 'istio-ca-root-cert' });
  return (map['data'] as Record<string, string>)['root-cert.pem']!;
};
const rootsOf = (pem: string) => pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];

async function open(ca: string): Promise<ClientHttp2Session> {
  const session = connect(`https://127.0.0.1:${plane.ports.discovery}`, { ca, servername: 'istiod.istio-system.svc' });
  session.on('error', () => {});
  sessions.push(session);
  return session;
}

/** @returns the chain, the root last. @throws GrpcError */
async function ask(id: WorkloadId, token: string | undefined, ca?: string): Promise<string[]> {
  const { csrPem } = await createKeyAndRequest(id);
  const message = new BinaryWriter().tag(1, WireType.LengthDelimited).string(csrPem).finish();
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const session = await open(ca ?? (await anchors()));
  const reader = new BinaryReader(await callUnary(session, '/istio.v1.auth.IstioCertificateService/CreateCertificate', headers, message));
  const chain: string[] = [];
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field === 1) chain.push(reader.string());
    else reader.skip(type, field);
  }
  return chain;
}

const web: WorkloadId = { trustDomain: 'cluster.local', namespace: 'shop', serviceAccount: 'web' };
const until = async (what: string, check: () => Promise<boolean>) => {
  for (let attempt = 0; attempt < 200; attempt++) {
    if (await check()) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  assert.fail(what);
};

test('a certificate for who the token says, in the local trust domain or an alias; nobody else’s', async () => {
  await until('the anchors are in every namespace', () =>
    anchors().then(
      () => true,
      () => false,
    ),
  );
  const chain = await ask(web, 'good');
  const leaf = new X509Certificate(chain[0]!);
  assert.equal(leaf.subjectAltName, 'URI:spiffe://cluster.local/ns/shop/sa/web');
  assert.equal(leaf.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1');
  assert.equal(Math.round((leaf.validToDate.getTime() - Date.now()) / 3_600_000), 24);
  assert.ok(new X509Certificate(chain[1]!).verify(new X509Certificate(chain.at(-1)!).publicKey));
  const alias = new X509Certificate((await ask({ ...web, trustDomain: 'old.example' }, 'good'))[0]!);
  assert.equal(alias.subjectAltName, 'URI:spiffe://old.example/ns/shop/sa/web');
  const rows: [string, WorkloadId, string | undefined, number][] = [
    ['another account', { ...web, serviceAccount: 'db' }, 'good', GrpcCode.invalidArgument],
    ['another namespace', { ...web, namespace: 'bank' }, 'good', GrpcCode.invalidArgument],
    ['a foreign trust domain', { ...web, trustDomain: 'evil.example' }, 'good', GrpcCode.invalidArgument],
    ['no token', web, undefined, GrpcCode.unauthenticated],
    ['an unknown token', web, 'forged', GrpcCode.unauthenticated],
    ['a token for another audience', web, 'elsewhere', GrpcCode.unauthenticated],
    ['a token that is no service account’s', web, 'person', GrpcCode.unauthenticated],
  ];
  for (const [name, id, token, code] of rows) await assert.rejects(ask(id, token), (error) => (error as GrpcError).code === code, name);
});

test('an agent is told who is behind an address, now and later; it is no proxy', async () => {
  const pod = (name: string, ip: string): KubernetesObject => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace: 'shop', name },
    spec: { serviceAccountName: 'web', containers: [] },
    status: { phase: 'Running', podIPs: [{ ip }] },
  });
  const pods = { group: '', version: 'v1', resource: 'pods' };
  await api.client.create(pods, pod('web-1', '10.0.0.1'));
  const answers: DeltaDiscoveryResponse[] = [];
  const call = openCall(
    await open(await anchors()),
    '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources',
    { authorization: 'Bearer good' },
    { message: (bytes) => void answers.push(fromBinary(DeltaDiscoveryResponseSchema, bytes)), closed: () => {} },
  );
  const ask = (request: MessageInitShape<typeof DeltaDiscoveryRequestSchema>) =>
    call.send(
      toBinary(DeltaDiscoveryRequestSchema, create(DeltaDiscoveryRequestSchema, { typeUrl: TypeUrl.clusterLoadAssignment, ...request })),
    );
  ask({ node: { id: 'agent~10.0.0.9~web-1.shop~x' }, resourceNamesSubscribe: ['10.0.0.1', '10.0.0.2'].map(peerName) });
  const found = () => answers.flatMap(({ resources }) => resources.map(({ resource }) => readPeer(resource!.value).pod));
  await until('the pod that is there', async () => found().includes('web-1'));
  ask({ responseNonce: answers[0]!.nonce });
  await api.client.create(pods, pod('web-2', '10.0.0.2'));
  await until('the pod that came', async () => found().includes('web-2'));
  const syncz = await fetch(`http://127.0.0.1:${plane.ports.debug}/debug/syncz`);
  assert.deepEqual(await syncz.json(), []);
  call.cancel();
});

async function post(
  path: string,
  body: string,
): Promise<{ status: number; answer: { response?: { allowed: boolean; patch?: string; status?: { message: string } } } }> {
  const ca = await anchors();
  return new Promise((resolve, reject) => {
    const sent = httpsRequest(
      { host: '127.0.0.1', port: plane.ports.webhook, path, method: 'POST', ca, servername: 'istiod.istio-system.svc', agent: false },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part) => (text += part));
        response.on('end', () => resolve({ status: response.statusCode!, answer: text === '' ? {} : JSON.parse(text) }));
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}
const review = (object: object) =>
  JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request: { uid: 'u', namespace: 'shop', object } });
const pod = (annotations: object) => ({ metadata: { name: 'p', annotations }, spec: { containers: [{ name: 'c', image: 'x' }] } });

test('old kinds that the cluster does not define keep nobody waiting, and nothing is said about them', () => {
  assert.deepEqual(
    logged.filter((line) => /serviceroles|meshpolicies/.test(line)),
    [],
  );
});

test('webhooks: a patch, a refusal with its reason, and no answer to what is no review', async () => {
  const injected = (await post('/inject', review(pod({})))).answer.response!;
  assert.equal(injected.allowed, true);
  assert.match(Buffer.from(injected.patch!, 'base64').toString(), /istio-proxy/);
  const refused = (await post('/inject', review(pod({ 'palisade.dev/dataplane': 'nginx' })))).answer.response!;
  assert.deepEqual(
    [refused.allowed, refused.status!.message],
    [false, 'palisade.dev/dataplane: found "nginx", expected palisade or envoy'],
  );
  const policy = { apiVersion: 'security.istio.io/v1', kind: 'AuthorizationPolicy', metadata: { name: 'a' }, spec: { ruels: [] } };
  assert.match((await post('/validate', review(policy))).answer.response!.status!.message, /spec\.ruels/);
  assert.equal((await post('/validate', review({ ...policy, spec: {} }))).answer.response!.allowed, true);
  for (const path of ['/inject', '/validate']) {
    const { allowed, status } = (await post(path, JSON.stringify({ request: { uid: 'u', object: null } }))).answer.response!;
    assert.deepEqual([allowed, status!.message], [false, 'the review holds no object'], path);
  }
  const unknown = review(pod({})).replace('"shop"', '"nowhere"');
  assert.equal((await post('/inject', unknown)).answer.response!.allowed, false, 'whether it wants a proxy there is not known');
  assert.equal((await post('/other', review(policy))).status, 404);
  assert.equal((await post('/inject', '{"request":')).status, 400);
  assert.equal((await post('/validate', JSON.stringify({ big: 'x'.repeat(9 * 1024 * 1024) })).catch(() => ({ status: 400 }))).status, 400);
});

test('a MeshConfig that cannot be read ends the start: defaults would be another trust domain and other limits', async () => {
  const other = createFakeApi();
  await other.put('configmaps', configMap('istio', { mesh: 'outboundTrafficPolicy: {mode: CLOSED}\n' }));
  const ending = new AbortController();
  const started = startControlPlane({
    client: other.client,
    namespace: 'istio-system',
    edges,
    signal: ending.signal,
    log: () => {},
    ports: { discovery: 0, webhook: 0, monitoring: 0, debug: 0 },
    name: 'istiod-2',
    dataplane: 'palisade',
  });
  await assert.rejects(started, /outboundTrafficPolicy\.mode: found "CLOSED"/);
  ending.abort();
  await assert.rejects(other.secret('istio-ca-secret'), 'nothing was made');
});

const serverRoot = async (ca: string) =>
  new Promise<TLSSocket>((resolve, reject) => {
    const socket = connectTls({
      host: '127.0.0.1',
      port: plane.ports.discovery,
      ca,
      servername: 'istiod.istio-system.svc',
      ALPNProtocols: ['h2'],
    });
    socket.on('secureConnect', () => resolve(socket));
    socket.on('error', reject);
  }).then((socket) => {
    socket.destroy();
    return socket.authorized;
  });

test('the own root rotates on demand: both are trusted, the new one signs, our own certificate follows; a connection stays', async () => {
  const before = await anchors();
  assert.equal(rootsOf(before).length, 1);
  const held = await open(before);
  const secret = await api.secret('istio-ca-secret');
  await api.put('secrets', { ...secret, metadata: { ...secret.metadata, annotations: { 'palisade.dev/rotate': 'now' } } });
  await until('two anchors', async () => rootsOf(await anchors()).length === 2);
  const [old, next] = rootsOf(await anchors());
  assert.equal(old!.trim(), before.trim());
  await until('the new root signs', async () => (await ask(web, 'good')).at(-1)!.trim() === next!.trim());
  await until('our own certificate is the new root’s', () => serverRoot(next!).catch(() => false));
  await assert.rejects(serverRoot(old!));
  assert.equal(held.destroyed, false);
  const state = (
    await api.client.get({ group: '', version: 'v1', resource: 'configmaps' }, { namespace: 'istio-system', name: 'istio-ca-bundle' })
  )['data'] as Record<string, string>;
  const bundle = JSON.parse(state['bundle.json']!) as {
    source: string;
    signing: string;
    roots: { fingerprint: string; retiredAt?: string }[];
  };
  assert.equal(bundle.source, 'istio-ca-secret');
  assert.equal(bundle.roots.length, 2);
  assert.equal(bundle.roots.find(({ retiredAt }) => retiredAt === undefined)!.fingerprint, bundle.signing);
  const { webhooks } = api.written.get('mutatingwebhookconfigurations') as unknown as {
    webhooks: { clientConfig: { caBundle: string } }[];
  };
  for (const { clientConfig } of webhooks) assert.equal(rootsOf(Buffer.from(clientConfig.caBundle, 'base64').toString()).length, 2);
  const again = await api.secret('istio-ca-secret');
  assert.equal(again.metadata.annotations!['palisade.dev/rotated'], 'now', 'once for each demand');
});

test('anchors that somebody deleted come back', async () => {
  const place = { namespace: 'shop', name: 'istio-ca-root-cert' };
  const known = await anchors();
  await api.client.delete({ group: '', version: 'v1', resource: 'configmaps' }, place);
  await until('they are there', () =>
    anchors().then(
      (text) => text === known,
      () => false,
    ),
  );
});

test('a brought authority: one that cannot sign changes nothing; a good one is distributed before it signs', async () => {
  const brought = async (spoil = false): Promise<KubernetesObject> => {
    const { authority } = await createAuthority('cluster.local', edges);
    const { privateKeyPem } = (await createAuthority('cluster.local', edges)).authority.intermediate;
    const data = {
      'ca-cert.pem': authority.intermediate.certificatePem,
      'ca-key.pem': spoil ? privateKeyPem : authority.intermediate.privateKeyPem,
      'cert-chain.pem': authority.intermediate.certificatePem,
      'root-cert.pem': authority.rootPem,
    };
    return {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { namespace: 'istio-system', name: 'cacerts' },
      data: Object.fromEntries(Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString('base64')])),
    };
  };
  const known = await anchors();
  await api.put('secrets', await brought(true));
  await until('the log says why', async () => logged.some((line) => /private key does not belong/.test(line)));
  assert.equal(await anchors(), known);
  await configure('palisade: {caDistribution: 3600s}\n');
  const good = await brought();
  await api.put('secrets', good);
  await until('three anchors', async () => rootsOf(await anchors()).length === 3);
  const root = Buffer.from((good['data'] as Record<string, string>)['root-cert.pem']!, 'base64').toString();
  assert.notEqual((await ask(web, 'good')).at(-1)!.trim(), root.trim(), 'the one before signs until every proxy has the new root');
  await configure('palisade: {caDistribution: 0s}\n');
  await api.put('secrets', { ...good, metadata: { ...good.metadata, annotations: { touched: 'yes' } } });
  await until('it signs', async () => (await ask(web, 'good')).at(-1)!.trim() === root.trim());
});
