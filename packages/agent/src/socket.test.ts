/** The agent's socket between a proxy and a control plane, both played here, over real connections. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type ClientHttp2Session, connect, createSecureServer } from 'node:http2';
import { connect as connectNet } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { createAuthority, signServer } from '@palisade/identity';
import { TypeUrl } from '@palisade/xds';
import { ClusterSchema } from '@palisade/xds/api/envoy/config/cluster/v3/cluster';
import { type Secret, SecretSchema } from '@palisade/xds/api/envoy/extensions/transport_sockets/tls/v3/secret';
import {
  DeltaDiscoveryRequestSchema,
  type DeltaDiscoveryResponse,
  DeltaDiscoveryResponseSchema,
} from '@palisade/xds/api/envoy/service/discovery/v3/discovery';
import { createGrpcHandler, type GrpcError, openCall, unary } from '@palisade/xds/grpc';
import { createDiscoveryMethods, type ProxyConnection, versioned } from '@palisade/xds/server';
import { type ControlPlaneAccess, requestCertificate, type WorkloadSecrets } from './certificates.ts';
import { type AgentSocket, createAgentSocket } from './socket.ts';
import { createUpstream } from './upstream.ts';

const edges = { now: () => new Date(), randomBytes: (size: number) => randomBytes(size) };
const folder = mkdtempSync(join(tmpdir(), 'palisade-agent-'));
const socketPath = join(folder, 'agent.sock');
const access = { address: '', anchorsFile: join(folder, 'root.pem'), tokenFile: join(folder, 'token') };
const id = { trustDomain: 'cluster.local', namespace: 'shop', serviceAccount: 'web' };
const delta = '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources';
let rootPem = '';
let tls = { cert: '', key: '' };
let agent: AgentSocket;
let proxy: ClientHttp2Session;
let chain: string[] = [];
const tokens: string[] = [];
const connected = new Set<ProxyConnection<string>>();

/** @param port 0 = any */
async function startControlPlane(port: number): Promise<number> {
  const server = createSecureServer(tls);
  const authenticate = async (headers: { authorization?: string | undefined }) => {
    tokens.push(headers.authorization ?? '');
    return 'web';
  };
  const methods = createDiscoveryMethods<string>({
    authenticate,
    connected(connection) {
      connected.add(connection);
      connection.push(new Map([[TypeUrl.cluster, new Map([['db', versioned(ClusterSchema, create(ClusterSchema, { name: 'db' }))]])]]));
      return () => connected.delete(connection);
    },
  });
  const sign = unary(async () => {
    const writer = new BinaryWriter();
    for (const certificate of chain) writer.tag(1, WireType.LengthDelimited).string(certificate);
    return writer.finish();
  });
  server.on('stream', createGrpcHandler({ ...methods, '/istio.v1.auth.IstioCertificateService/CreateCertificate': sign }));
  const sessions = new Set<{ destroy(): void }>();
  server.on('session', (session) => sessions.add(session));
  server.on('close', () => sessions.clear());
  stopControlPlane = () => {
    for (const session of sessions) session.destroy();
    server.close();
  };
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as { port: number }).port;
}
let stopControlPlane = () => {};

const secrets = (name: string): WorkloadSecrets => ({
  privateKeyPem: `key ${name}`,
  chainPem: `chain ${name}`,
  anchorsPem: `anchors ${name}`,
  notAfter: new Date(),
});

before(async () => {
  const { authority } = await createAuthority('cluster.local', edges);
  const server = await signServer(['localhost'], authority, edges, 3600);
  rootPem = authority.rootPem;
  chain = [
    server.certificatePem.match(/-----BEGIN[\s\S]+?-----END CERTIFICATE-----\n/)![0],
    authority.intermediate.certificatePem,
    rootPem,
  ];
  tls = { cert: server.certificatePem, key: server.privateKeyPem };
  writeFileSync(access.anchorsFile, rootPem);
  writeFileSync(access.tokenFile, 'first\n');
  access.address = `localhost:${await startControlPlane(0)}`;
  agent = createAgentSocket(createUpstream(access), {});
  agent.setSecrets(secrets('one'));
  agent.server.listen(socketPath);
  await once(agent.server, 'listening');
  proxy = connect('http://agent', { createConnection: () => connectNet(socketPath) });
});
after(() => {
  proxy.destroy();
  agent.server.close();
  stopControlPlane();
  rmSync(folder, { recursive: true });
});

function openStream() {
  const answers: DeltaDiscoveryResponse[] = [];
  const ended = Promise.withResolvers<GrpcError | undefined>();
  let wake = () => {};
  const call = openCall(
    proxy,
    delta,
    {},
    {
      message(bytes) {
        answers.push(fromBinary(DeltaDiscoveryResponseSchema, bytes));
        wake();
      },
      closed: ended.resolve,
    },
  );
  return {
    call,
    ended: ended.promise,
    ask: (request: MessageInitShape<typeof DeltaDiscoveryRequestSchema>) =>
      call.send(toBinary(DeltaDiscoveryRequestSchema, create(DeltaDiscoveryRequestSchema, request))),
    async take(): Promise<DeltaDiscoveryResponse> {
      while (answers.length === 0) {
        const next = new Promise<void>((resolve) => {
          wake = resolve;
        });
        await Promise.race([next, ended.promise.then((error) => assert.fail(`the stream ended: ${error?.message}`))]);
      }
      return answers.shift()!;
    },
  };
}
const secretOf = (answer: DeltaDiscoveryResponse, name: string): Secret =>
  fromBinary(SecretSchema, answer.resources.find((each) => each.name === name)!.resource!.value);
const keyOf = (answer: DeltaDiscoveryResponse) => {
  const { type } = secretOf(answer, 'default');
  return type.case === 'tlsCertificate' && type.value.privateKey?.specifier.value;
};

test('one stream: clusters come from the control plane with the pod’s token, the own secrets from the agent', {
  timeout: 20_000,
}, async () => {
  const stream = openStream();
  stream.ask({ typeUrl: TypeUrl.cluster, node: { id: 'web' } });
  const clusters = await stream.take();
  assert.deepEqual([clusters.typeUrl, clusters.resources.map(({ name }) => name)], [TypeUrl.cluster, ['db']]);
  assert.deepEqual(tokens, ['Bearer first']);
  stream.ask({ typeUrl: TypeUrl.secret, resourceNamesSubscribe: ['default', 'ROOTCA'] });
  const first = await stream.take();
  assert.deepEqual([first.typeUrl, keyOf(first)], [TypeUrl.secret, 'key one']);
  stream.ask({ typeUrl: TypeUrl.secret, responseNonce: first.nonce });
  agent.setSecrets(secrets('two'));
  assert.equal(keyOf(await stream.take()), 'key two', 'a renewed certificate reaches the open stream');
  const [connection] = connected;
  assert.deepEqual([...connection!.status.keys()], [TypeUrl.cluster], 'the control plane was never asked for the key');
  stream.call.cancel();
});

test('a control plane that is away: the stream ends; on its return a new one brings what there is, with the token of then', {
  timeout: 20_000,
}, async () => {
  const stream = openStream();
  stream.ask({ typeUrl: TypeUrl.cluster, node: { id: 'web' } });
  await stream.take();
  const port = Number(access.address.split(':')[1]);
  stopControlPlane();
  assert.ok((await stream.ended) !== undefined);
  const lost = openStream();
  lost.ask({ typeUrl: TypeUrl.cluster, node: { id: 'web' } });
  assert.ok((await lost.ended) !== undefined, 'nobody answers');
  await new Promise((resolve) => setTimeout(resolve, 50));
  await startControlPlane(port);
  writeFileSync(access.tokenFile, 'second\n');
  const again = openStream();
  again.ask({ typeUrl: TypeUrl.cluster, node: { id: 'web' } });
  assert.deepEqual(
    (await again.take()).resources.map(({ name }) => name),
    ['db'],
  );
  assert.equal(tokens.at(-1), 'Bearer second');
  again.call.cancel();
});

test('a certificate: chain and root apart, its times read; refused from a control plane that no anchor vouches for', async () => {
  const got = await requestCertificate(access, id, 3600);
  assert.equal(got.anchorsPem, rootPem);
  assert.equal(got.chainPem, chain.slice(0, -1).join(''));
  assert.ok(got.notAfter.getTime() > Date.now());
  assert.match(got.privateKeyPem, /BEGIN PRIVATE KEY/);
  chain = chain.slice(0, 1);
  await assert.rejects(requestCertificate(access, id, 3600), /answered with 1 certificates/);
  const stranger = await createAuthority('cluster.local', edges);
  const foreign: ControlPlaneAccess = { ...access, anchorsFile: join(folder, 'foreign.pem') };
  writeFileSync(foreign.anchorsFile, stranger.authority.rootPem);
  await assert.rejects(requestCertificate(foreign, id, 3600), /certificate|connection was lost/);
});
