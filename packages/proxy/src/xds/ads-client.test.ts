/** The client against a gRPC server of Connect's, over a real HTTP/2 connection. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import { create, fromJson, type JsonValue } from '@bufbuild/protobuf';
import { anyPack } from '@bufbuild/protobuf/wkt';
import { connectNodeAdapter, createGrpcTransport } from '@connectrpc/connect-node';
import { TypeUrl } from '@palisade/xds';
import { type Cluster, ClusterSchema } from '@palisade/xds/api/envoy/config/cluster/v3/cluster';
import { NodeSchema } from '@palisade/xds/api/envoy/config/core/v3/base';
import { AggregatedDiscoveryService } from '@palisade/xds/api/envoy/service/discovery/v3/ads';
import { type DeltaDiscoveryRequest, DeltaDiscoveryResponseSchema } from '@palisade/xds/api/envoy/service/discovery/v3/discovery';
import { registry } from '../config/registry.ts';
import { DataPlane } from '../proxy.ts';
import { runAdsClient } from './ads-client.ts';
import { Outbox } from './outbox.ts';

const cluster = (json: JsonValue): Cluster => fromJson(ClusterSchema, json, { registry });
const received: DeltaDiscoveryRequest[] = [];
let outbox: Outbox<{ typeUrl: string; clusters: Cluster[] }>;
let wake: () => void = () => {};

const server = createServer(
  connectNodeAdapter({
    routes(router) {
      router.service(AggregatedDiscoveryService, {
        async *deltaAggregatedResources(requests) {
          outbox = new Outbox();
          const mine = outbox;
          void (async () => {
            try {
              for await (const request of requests) {
                received.push(request);
                wake();
              }
            } catch {
              // The stream was cut.
            }
            mine.end();
          })();
          let nonce = 0;
          for await (const { typeUrl, clusters } of mine) {
            nonce++;
            yield create(DeltaDiscoveryResponseSchema, {
              typeUrl,
              nonce: String(nonce),
              resources: clusters.map((one) => ({ name: one.name, version: `v${nonce}`, resource: anyPack(ClusterSchema, one) })),
            });
          }
        },
      });
    },
  }),
);
const sessions = new Set<{ destroy(): void }>();
server.on('session', (session) => sessions.add(session));
const plane = new DataPlane();
const stop = new AbortController();

after(async () => {
  stop.abort();
  for (const session of sessions) session.destroy();
  server.close();
  plane.close();
});

async function until(what: () => boolean): Promise<void> {
  while (!what()) {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, 50);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

test('subscribes, applies and acknowledges, refuses and keeps the last good, comes back', { timeout: 20_000 }, async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const transport = createGrpcTransport({ baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
  const refused: string[] = [];
  let served = 0;
  const running = runAdsClient({
    transport,
    node: create(NodeSchema, { id: 'n' }),
    plane,
    signal: stop.signal,
    onNack: (_, reason) => refused.push(reason),
    onServing: () => served++,
  });

  await until(() => received.length >= 2);
  assert.deepEqual(
    received.slice(0, 2).map((one) => [one.typeUrl, one.node?.id]),
    [
      [TypeUrl.cluster, 'n'],
      [TypeUrl.listener, undefined],
    ],
  );

  received.length = 0;
  outbox.push({
    typeUrl: TypeUrl.cluster,
    clusters: [cluster({ name: 'a', type: 'EDS', eds_cluster_config: { service_name: 'a-svc', eds_config: { ads: {} } } })],
  });
  await until(() => received.length >= 2);
  assert.deepEqual(
    received.map((one) => [one.typeUrl, one.responseNonce, [...one.resourceNamesSubscribe]]),
    [
      [TypeUrl.cluster, '1', []],
      [TypeUrl.clusterLoadAssignment, '', ['a-svc']],
    ],
  );
  const good = plane.runtime.clusters.at('a').current;
  assert.ok(good);

  received.length = 0;
  outbox.push({ typeUrl: TypeUrl.cluster, clusters: [cluster({ name: 'a', type: 'STATIC', lb_policy: 'MAGLEV' })] });
  await until(() => received.length >= 1);
  assert.equal(received[0]!.responseNonce, '2');
  assert.match(received[0]!.errorDetail?.message ?? '', /cluster "a": lb_policy MAGLEV is not supported/);
  assert.equal(refused.length, 1);
  assert.equal(plane.runtime.clusters.at('a').current, good);

  received.length = 0;
  const type = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext';
  const common = { tls_certificates: [{ certificate_chain: { filename: '/nowhere.pem' }, private_key: { filename: '/nowhere.key' } }] };
  outbox.push({
    typeUrl: TypeUrl.cluster,
    clusters: [
      cluster({ name: 'files', transport_socket: { name: 'tls', typed_config: { '@type': type, common_tls_context: common } } }),
      cluster({ name: 'b', type: 'EDS', eds_cluster_config: { service_name: 'b-svc', eds_config: { ads: {} } } }),
    ],
  });
  await until(() => received.length >= 2);
  assert.equal(received[0]!.responseNonce, '3');
  assert.match(received[0]!.errorDetail?.message ?? '', /^cluster "files".*cannot read "\/nowhere\.pem"$/);
  assert.deepEqual([...received[1]!.resourceNamesSubscribe], ['b-svc'], 'the other cluster of the answer is there');
  assert.equal(refused.length, 2);

  assert.equal(served, 0, 'without listeners it cannot serve');
  received.length = 0;
  outbox.push({ typeUrl: TypeUrl.listener, clusters: [] });
  await until(() => received.length >= 1);
  assert.equal(served, 1, 'an answer that there are none is one');

  received.length = 0;
  for (const session of sessions) session.destroy();
  await until(() => received.length >= 3);
  assert.deepEqual(received[0]!.initialResourceVersions, { a: 'v1', b: 'v3' });
  assert.deepEqual([...received[2]!.resourceNamesSubscribe], ['a-svc', 'b-svc']);
  stop.abort();
  await running;
});
