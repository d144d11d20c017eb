import assert from 'node:assert/strict';
import { createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { TypeUrl } from '@palisade/xds';
import { ClusterSchema } from '@palisade/xds/api/envoy/config/cluster/v3/cluster';
import { type ProxyConnection, type ProxyStatus, type TypeStatus, versioned } from '@palisade/xds/server';
import type { ProxyIdentity } from '../token.ts';
import { createConnectedProxies } from './connected.ts';
import { createDebugListener } from './listener.ts';

const proxies = createConnectedProxies();
const server = createServer(createDebugListener(proxies, 'istiod-1'));
before(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)));
after(() => server.close());

function connect(pod: string, status: ProxyStatus) {
  const pushed: unknown[] = [];
  const connection = {
    identity: { id: { trustDomain: 'cluster.local', namespace: 'shop', serviceAccount: 'web' }, pod },
    node: { id: `sidecar~10.0.0.1~${pod}.shop~x` },
    status,
    push: (snapshot: unknown) => pushed.push(snapshot),
    close: () => {},
  } as unknown as ProxyConnection<ProxyIdentity>;
  return { pushed, ...proxies.add(connection) };
}

function ask(path: string, host = '127.0.0.1'): Promise<{ status: number; body: unknown }> {
  return new Promise((resolve, reject) => {
    const { port } = server.address() as AddressInfo;
    get({ host: '127.0.0.1', port, path, headers: { host } }, (answer) => {
      let text = '';
      answer.on('data', (part) => (text += part));
      answer.on('end', () => resolve({ status: answer.statusCode!, body: JSON.parse(text) }));
    }).on('error', reject);
  });
}

test('each state of a proxy, and a proxy that left is not shown', async () => {
  const type = (sentVersion: string, ackedVersion: string): TypeStatus => ({ sentVersion, ackedVersion });
  const { gone } = connect(
    'web',
    new Map([
      [TypeUrl.cluster, type('b', 'b')],
      [TypeUrl.listener, type('b', 'a')],
      [TypeUrl.routeConfiguration, type('', '')],
      [TypeUrl.clusterLoadAssignment, { ...type('b', 'a'), nack: { version: 'b', message: 'no such field' } }],
    ]),
  );
  const { body } = (await ask('/debug/syncz')) as { body: { proxy: string; istiod: string; types: Record<string, string>[] }[] };
  assert.deepEqual([body.length, body[0]!.proxy, body[0]!.istiod], [1, 'web.shop', 'istiod-1']);
  assert.deepEqual(
    body[0]!.types.map(({ state, reason }) => [state, reason]),
    [
      ['SYNCED', undefined],
      ['STALE', undefined],
      ['NOT SENT', undefined],
      ['NACK', 'no such field'],
    ],
  );
  gone();
  assert.deepEqual((await ask('/debug/syncz')).body, []);
});

test('the configuration last pushed, by pod', async () => {
  const { connection, pushed, gone } = connect('web', new Map());
  assert.equal((await ask('/debug/config_dump?proxyID=web.shop')).status, 404, 'nothing was pushed yet');
  const cluster = versioned(ClusterSchema, create(ClusterSchema, { name: 'outbound|80||web', connectTimeout: { seconds: 5n } }));
  connection.push(new Map([[TypeUrl.cluster as string, new Map([['outbound|80||web', cluster]])]]));
  assert.equal(pushed.length, 1, 'the proxy got it');
  const { status, body } = await ask('/debug/config_dump?proxyID=web.shop');
  assert.equal(status, 200);
  assert.deepEqual((body as { configs: unknown[] }).configs[0], {
    '@type': 'type.googleapis.com/envoy.admin.v3.ClustersConfigDump',
    dynamic_active_clusters: [
      { version_info: cluster.version, cluster: { '@type': TypeUrl.cluster, name: 'outbound|80||web', connect_timeout: '5s' } },
    ],
  });
  assert.equal((await ask('/debug/config_dump?proxyID=ghost.shop')).status, 404);
  gone();
});

test('only by a loopback name', async () => {
  assert.equal((await ask('/debug/syncz', 'localhost:9999')).status, 200);
  assert.equal((await ask('/debug/syncz', 'attacker.example')).status, 403);
  assert.equal((await ask('/elsewhere')).status, 404);
});
