import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TypeUrl } from '@palisade/xds';
import { compareDumps, statusAnswer } from './proxy-status.ts';

test('a row a proxy, a line a complaint', () => {
  const type = (typeUrl: string, state: 'SYNCED' | 'STALE' | 'NACK', reason?: string) => ({
    typeUrl,
    state,
    ...(reason === undefined ? {} : { reason }),
  });
  const proxies = [
    {
      proxy: 'web.shop',
      istiod: 'istiod-1',
      node: 'n',
      types: [
        type(TypeUrl.cluster, 'SYNCED'),
        type(TypeUrl.listener, 'NACK', 'no such field'),
        type(TypeUrl.clusterLoadAssignment, 'STALE'),
      ],
    },
    { proxy: 'db.shop', istiod: 'istiod-1', node: 'n', types: [] },
  ];
  assert.equal(
    statusAnswer(proxies).text,
    [
      'NAME       CDS        LDS        EDS        RDS        ISTIOD',
      'db.shop    NOT SENT   NOT SENT   NOT SENT   NOT SENT   istiod-1',
      'web.shop   SYNCED     NACK       STALE      NOT SENT   istiod-1',
      'web.shop refused LDS: no such field',
    ].join('\n'),
  );
  assert.equal(statusAnswer([]).text, 'No proxy is connected.');
});

test('what was sent and what runs, by name; the bootstrap is nobody’s difference', () => {
  const dump = (names: readonly string[], fixed: readonly string[] = []) => ({
    configs: [
      {
        '@type': 'type.googleapis.com/envoy.admin.v3.ClustersConfigDump',
        static_clusters: fixed.map((name) => ({ cluster: { name } })),
        dynamic_active_clusters: names.map((name) => ({ cluster: { name } })),
      },
    ],
  });
  const [clusters, listeners] = compareDumps(dump(['a', 'b']), dump(['b', 'c'], ['xds-grpc']));
  assert.deepEqual(clusters, { part: 'clusters', missing: ['a'], surplus: ['c'] });
  assert.deepEqual(listeners, { part: 'listeners', missing: [], surplus: [] });
});
