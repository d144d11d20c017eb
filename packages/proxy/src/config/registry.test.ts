import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { anyPack } from '@bufbuild/protobuf/wkt';
import { TcpProxySchema } from '@palisade/xds/api/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy';
import { forgetUnpacked, refuseUnread, unpack } from './registry.ts';

const proxyTo = (cluster: string) => create(TcpProxySchema, { statPrefix: 'x', clusterSpecifier: { case: 'cluster', value: cluster } });
const packed = (cluster: string) => anyPack(TcpProxySchema, proxyTo(cluster));

test('the same bytes are one message until the update is over; other bytes are another', () => {
  const first = unpack(packed('a'), 'here');
  assert.equal(unpack(packed('a'), 'there'), first);
  assert.deepEqual(unpack(packed('b'), 'here'), proxyTo('b'));
  forgetUnpacked();
  assert.notEqual(unpack(packed('a'), 'here'), first);
  forgetUnpacked();
  assert.throws(() => unpack({ ...packed('a'), typeUrl: 'type.googleapis.com/no.Such' }, 'here'), /no\.Such/);
});

test('a field that is set and not read refuses the message, of a choice too', () => {
  refuseUnread(TcpProxySchema, proxyTo('a'), ['stat_prefix', 'cluster'], 'here');
  assert.throws(() => refuseUnread(TcpProxySchema, proxyTo('a'), ['stat_prefix'], 'here'), /here.*"cluster"/);
  assert.throws(() => refuseUnread(TcpProxySchema, proxyTo('a'), ['cluster'], 'here'), /"stat_prefix"/);
});
