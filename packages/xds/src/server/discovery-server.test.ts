import assert from 'node:assert/strict';
import { connect, createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { ClusterSchema } from '@palisade/xds/api/envoy/config/cluster/v3/cluster';
import {
  DeltaDiscoveryRequestSchema,
  type DeltaDiscoveryResponse,
  DeltaDiscoveryResponseSchema,
  DiscoveryRequestSchema,
  type DiscoveryResponse,
} from '@palisade/xds/api/envoy/service/discovery/v3/discovery';
import { createGrpcHandler, GrpcCode, GrpcError, openCall } from '../grpc/index.ts';
import { TypeUrl } from '../type-url.ts';
import { createDeltaSession } from './delta-session.ts';
import { createDiscoveryMethods, type ProxyConnection } from './discovery-server.ts';
import { type ResourceSnapshot, versioned } from './snapshot.ts';
import { createSotwSession } from './sotw-session.ts';
import type { ProxyStatus } from './status.ts';

const cluster = (name: string, seconds = 1n) => versioned(ClusterSchema, create(ClusterSchema, { name, connectTimeout: { seconds } }));
const snapshot = (clusters: Record<string, bigint>, extra: [string, Map<string, ReturnType<typeof cluster>>][] = []): ResourceSnapshot =>
  new Map([[TypeUrl.cluster, new Map(Object.entries(clusters).map(([name, seconds]) => [name, cluster(name, seconds)]))], ...extra]);

function deltaStream() {
  const sent: DeltaDiscoveryResponse[] = [];
  const status: ProxyStatus = new Map();
  const session = createDeltaSession(status, (response) => sent.push(response));
  const ask = (request: MessageInitShape<typeof DeltaDiscoveryRequestSchema>) =>
    session.request(create(DeltaDiscoveryRequestSchema, { typeUrl: TypeUrl.cluster, ...(request as object) }));
  const take = () =>
    sent.splice(0).map((each) => ({ names: each.resources.map(({ name }) => name), removed: each.removedResources, nonce: each.nonce }));
  return { session, status, ask, take };
}

test('delta: everything once, then only what changed', () => {
  const { session, ask, take, status } = deltaStream();
  session.update(snapshot({ a: 1n, b: 1n }));
  ask({});
  assert.deepEqual(take(), [{ names: ['a', 'b'], removed: [], nonce: '1' }]);
  session.update(snapshot({ a: 1n, b: 2n }));
  session.update(snapshot({ a: 1n, b: 3n, c: 1n }));
  assert.deepEqual(take(), [], 'nothing before the ACK');
  ask({ responseNonce: '1' });
  assert.deepEqual(take(), [{ names: ['b', 'c'], removed: [], nonce: '2' }], 'what happened meanwhile, together');
  ask({ responseNonce: '2' });
  session.update(snapshot({ a: 1n, c: 1n }));
  assert.deepEqual(take(), [{ names: [], removed: ['b'], nonce: '3' }]);
  ask({ responseNonce: '3' });
  session.update(snapshot({ a: 1n, c: 1n }));
  assert.deepEqual(take(), []);
  assert.equal(status.get(TypeUrl.cluster)!.ackedVersion, status.get(TypeUrl.cluster)!.sentVersion);
});

test('delta: a NACK is kept, its content is not sent again, the next change is', () => {
  const { session, ask, take, status } = deltaStream();
  session.update(snapshot({ a: 1n }));
  ask({});
  take();
  ask({ responseNonce: '1', errorDetail: { code: 3, message: 'no such thing' } });
  assert.equal(status.get(TypeUrl.cluster)!.nack?.message, 'no such thing');
  session.update(snapshot({ a: 1n }));
  assert.deepEqual(take(), []);
  session.update(snapshot({ a: 2n }));
  assert.deepEqual(take(), [{ names: ['a'], removed: [], nonce: '2' }]);
  ask({ responseNonce: '2' });
  assert.equal(status.get(TypeUrl.cluster)!.nack, undefined);
});

test('delta: named subscriptions; a name that does not exist is said to be absent once; a reconnect sends only news', () => {
  const { session, ask, take } = deltaStream();
  session.update(snapshot({ a: 1n, b: 1n }));
  ask({ resourceNamesSubscribe: ['a', 'ghost'] });
  assert.deepEqual(take(), [{ names: ['a'], removed: ['ghost'], nonce: '1' }]);
  ask({ responseNonce: '1' });
  assert.deepEqual(take(), []);
  ask({ resourceNamesSubscribe: ['a'] });
  assert.deepEqual(take(), [{ names: ['a'], removed: [], nonce: '2' }], 'asked again, sent again');
  const again = deltaStream();
  again.session.update(snapshot({ a: 1n, b: 2n }));
  again.ask({ resourceNamesSubscribe: ['*'], initialResourceVersions: { a: cluster('a').version, b: cluster('b').version, gone: 'x' } });
  assert.deepEqual(again.take(), [{ names: ['b'], removed: ['gone'], nonce: '1' }]);
});

test('delta: endpoints go out again with a changed cluster', () => {
  const { session, ask, take } = deltaStream();
  const endpoints: [string, Map<string, ReturnType<typeof cluster>>] = [TypeUrl.clusterLoadAssignment, new Map([['a', cluster('a')]])];
  session.update(snapshot({ a: 1n }, [endpoints]));
  ask({});
  ask({ responseNonce: '1' });
  ask({ typeUrl: TypeUrl.clusterLoadAssignment, resourceNamesSubscribe: ['a'] });
  ask({ typeUrl: TypeUrl.clusterLoadAssignment, responseNonce: '2' });
  take();
  session.update(snapshot({ a: 2n }, [endpoints]));
  assert.deepEqual(
    take().map(({ names }) => names),
    [['a'], ['a']],
  );
});

test('state of the world: all of it at every change; an answer to an older response counts for nothing', () => {
  const sent: DiscoveryResponse[] = [];
  const status: ProxyStatus = new Map();
  const session = createSotwSession(status, (response) => sent.push(response));
  const ask = (request: object) => session.request(create(DiscoveryRequestSchema, { typeUrl: TypeUrl.cluster, ...request }));
  session.update(snapshot({ a: 1n, b: 1n }));
  ask({});
  assert.deepEqual([sent[0]!.resources.length, sent[0]!.nonce], [2, '1']);
  ask({ responseNonce: '1', versionInfo: sent[0]!.versionInfo });
  session.update(snapshot({ a: 1n, b: 2n }));
  assert.equal(sent[1]!.resources.length, 2);
  ask({ responseNonce: '1', errorDetail: { code: 3, message: 'late' } });
  assert.equal(status.get(TypeUrl.cluster)!.nack, undefined);
  ask({ responseNonce: '2', errorDetail: { code: 3, message: 'bad' } });
  assert.equal(status.get(TypeUrl.cluster)!.nack?.message, 'bad');
  assert.equal(sent.length, 2);
});

test('over HTTP/2: authentication first, then answers; a stranger is turned away', async () => {
  const server = createServer();
  const connections: ProxyConnection<string>[] = [];
  const gone = Promise.withResolvers<void>();
  const methods = createDiscoveryMethods<string>({
    async authenticate(headers) {
      if (headers['authorization'] !== 'Bearer good') throw new GrpcError(GrpcCode.unauthenticated, 'no token');
      return 'workload';
    },
    connected(connection) {
      connections.push(connection);
      connection.push(snapshot({ a: 1n }));
      return gone.resolve;
    },
  });
  server.on('stream', createGrpcHandler(methods));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  try {
    const path = '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources';
    const request = toBinary(
      DeltaDiscoveryRequestSchema,
      create(DeltaDiscoveryRequestSchema, { node: { id: 'n1' }, typeUrl: TypeUrl.cluster }),
    );
    const failure = await new Promise<GrpcError | undefined>((closed) => {
      openCall(session, path, { authorization: 'Bearer bad' }, { message: () => {}, closed }).send(request);
    });
    assert.deepEqual([failure?.code, failure?.message], [GrpcCode.unauthenticated, 'no token']);
    const answer = Promise.withResolvers<Uint8Array>();
    const ended = Promise.withResolvers<GrpcError | undefined>();
    const call = openCall(session, path, { authorization: 'Bearer good' }, { message: answer.resolve, closed: ended.resolve });
    call.send(request);
    assert.deepEqual(
      fromBinary(DeltaDiscoveryResponseSchema, await answer.promise).resources.map(({ name }) => name),
      ['a'],
    );
    assert.deepEqual([connections[0]!.identity, connections[0]!.node.id], ['workload', 'n1']);
    connections[0]!.close(GrpcCode.unavailable, 'moving');
    assert.equal((await ended.promise)?.message, 'moving');
    await gone.promise;
    const unknown = await new Promise<GrpcError | undefined>((closed) => {
      openCall(session, '/no.Such/Method', {}, { message: () => {}, closed });
    });
    assert.equal(unknown?.code, GrpcCode.unimplemented);
  } finally {
    session.destroy();
    server.close();
  }
});
