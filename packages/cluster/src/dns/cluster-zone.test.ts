import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { KubernetesObject } from '@palisade/kubernetes';
import dnsPacket from 'dns-packet';
import fc from 'fast-check';
import { outsideZone } from '../outside/zone.ts';
import { addressOfReverseName, type ClusterView, clusterZone } from './cluster-zone.ts';
import { answerMessage } from './message.ts';
import { renderResolvConf } from './resolv-conf.ts';
import { resolveName } from './zone.ts';

const service = (name: string, spec: Record<string, unknown>): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: 'default' },
  spec,
});
const services = [
  service('db', { clusterIP: '10.96.0.9', clusterIPs: ['10.96.0.9', 'fd00:10:96::9'], ports: [{ name: 'http', port: 80 }] }),
  service('headless', { clusterIP: 'None', clusterIPs: ['None'], ports: [{ name: 'http', port: 80, protocol: 'TCP' }] }),
  service('out', { type: 'ExternalName', externalName: 'www.example.com' }),
];
const slice: KubernetesObject = {
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { name: 'headless-1', namespace: 'default', labels: { 'kubernetes.io/service-name': 'headless' } },
  ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
  endpoints: [
    { addresses: ['10.244.1.5'], hostname: 'db-0', conditions: { ready: true } },
    { addresses: ['10.244.2.5'], conditions: { ready: true } },
    { addresses: ['10.244.3.5'], conditions: { ready: false } },
  ],
};
const pod: KubernetesObject = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a', namespace: 'default' } };
const view: ClusterView = {
  domain: 'cluster.local',
  hasNamespace: (name) => name === 'default',
  service: (namespace, name) => (namespace === 'default' ? services.find((s) => s.metadata.name === name) : undefined),
  slices: (_, name) => (name === 'headless' ? [slice] : []),
  podsByIP: (ip) => (ip === '10.244.1.5' || ip === 'fd00:244:1::5' ? [pod] : []),
  servicesByIP: (ip) => services.filter((s) => s['spec'].clusterIPs?.includes(ip)),
  slicesByIP: (ip) => (ip.startsWith('10.244.') ? [slice] : []),
};
const zones = [clusterZone(view), outsideZone()];

describe('names', () => {
  const table: [name: string, type: string, code: 'NOERROR' | 'NXDOMAIN', data: unknown[]][] = [
    // Services with a cluster address
    ['db.default.svc.cluster.local', 'A', 'NOERROR', ['10.96.0.9']],
    ['db.default.svc.cluster.local', 'AAAA', 'NOERROR', ['fd00:10:96::9']],
    ['db.default.svc.cluster.local', 'TXT', 'NOERROR', []],
    ['_http._tcp.db.default.svc.cluster.local', 'SRV', 'NOERROR', [{ target: 'db.default.svc.cluster.local', port: 80 }]],
    ['_nope._tcp.db.default.svc.cluster.local', 'SRV', 'NXDOMAIN', []],
    ['x.db.default.svc.cluster.local', 'A', 'NXDOMAIN', []],
    // Headless
    ['headless.default.svc.cluster.local', 'A', 'NOERROR', ['10.244.1.5', '10.244.2.5']],
    ['headless.default.svc.cluster.local', 'AAAA', 'NOERROR', []],
    ['db-0.headless.default.svc.cluster.local', 'A', 'NOERROR', ['10.244.1.5']],
    ['10-244-2-5.headless.default.svc.cluster.local', 'A', 'NOERROR', ['10.244.2.5']],
    ['10-244-3-5.headless.default.svc.cluster.local', 'A', 'NXDOMAIN', []],
    // ExternalName is followed outside
    ['out.default.svc.cluster.local', 'A', 'NOERROR', ['www.example.com', '198.51.100.80']],
    // Pods
    ['10-244-1-5.default.pod.cluster.local', 'A', 'NOERROR', ['10.244.1.5']],
    ['fd00-244-1--5.default.pod.cluster.local', 'AAAA', 'NOERROR', ['fd00:244:1::5']],
    ['10-244-9-9.default.pod.cluster.local', 'A', 'NXDOMAIN', []],
    // What exists only as a branch, and what does not exist
    ['default.svc.cluster.local', 'A', 'NOERROR', []],
    ['svc.cluster.local', 'A', 'NOERROR', []],
    ['db.nowhere.svc.cluster.local', 'A', 'NXDOMAIN', []],
    ['www.example.com.default.svc.cluster.local', 'A', 'NXDOMAIN', []],
    // Reverse
    ['9.0.96.10.in-addr.arpa', 'PTR', 'NOERROR', ['db.default.svc.cluster.local']],
    ['5.1.244.10.in-addr.arpa', 'PTR', 'NOERROR', ['db-0.headless.default.svc.cluster.local']],
    ['1.1.1.1.in-addr.arpa', 'PTR', 'NXDOMAIN', []],
    // Outside
    ['mirror.north.example', 'A', 'NOERROR', ['192.0.2.10']],
    ['stolen-data.tunnel.attacker.example', 'A', 'NOERROR', ['203.0.113.99']],
    ['nobody.example', 'A', 'NXDOMAIN', []],
  ];
  for (const [name, type, code, data] of table) {
    test(`${type} ${name}`, () => {
      const answer = resolveName(zones, name, type);
      assert.deepEqual([answer.responseCode, answer.records.map((record) => record.data)], [code, data]);
    });
  }
});

describe('messages', () => {
  const ask = (name: string, type: 'A' | 'AAAA') =>
    dnsPacket.encode({ type: 'query', id: 7, flags: dnsPacket.RECURSION_DESIRED, questions: [{ type, name }] });
  test('the question comes back as it was written, upper case too', () => {
    const answer = answerMessage(ask('DB.default.svc.Cluster.local', 'A'), zones, 'cluster.local', 'udp')!;
    const packet = dnsPacket.decode(Buffer.from(answer.bytes));
    assert.equal(packet.id, 7);
    assert.equal(packet.answers?.[0]?.name, 'DB.default.svc.Cluster.local');
    assert.deepEqual(answer.exchange, {
      query: 'db.default.svc.cluster.local',
      queryType: 'A',
      responseCode: 'NOERROR',
      answers: ['10.96.0.9'],
    });
  });
  test('NXDOMAIN carries the SOA of the zone', () => {
    const packet = dnsPacket.decode(Buffer.from(answerMessage(ask('x.cluster.local', 'A'), zones, 'cluster.local', 'udp')!.bytes));
    assert.equal((packet as { rcode?: string }).rcode, 'NXDOMAIN');
    assert.equal(packet.authorities?.[0]?.type, 'SOA');
  });
  test('any bytes: an answer or none, never an exception', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        answerMessage(Buffer.from(bytes), zones, 'cluster.local', 'udp');
      }),
    );
  });
});

test('reverse names of IPv6 come back in the shortest form', () => {
  const labels = [...'fd000010009600000000000000000009'].reverse().join('.');
  assert.equal(addressOfReverseName(`${labels}.ip6.arpa`), 'fd00:10:96::9');
});

describe('resolv.conf', () => {
  const make = (spec: Record<string, unknown>) => renderResolvConf({ ...pod, spec }, ['10.96.0.10'], 'cluster.local', ['172.30.0.2']);
  test('ClusterFirst searches the namespace first', () => {
    assert.equal(make({}), 'nameserver 10.96.0.10\nsearch default.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n');
  });
  test('hostNetwork falls back to the node', () => assert.equal(make({ hostNetwork: true }), 'nameserver 172.30.0.2\n'));
  test('None takes dnsConfig alone', () => {
    const dnsConfig = { nameservers: ['192.0.2.1'], searches: ['x.example'], options: [{ name: 'ndots', value: '2' }, { name: 'edns0' }] };
    assert.equal(make({ dnsPolicy: 'None', dnsConfig }), 'nameserver 192.0.2.1\nsearch x.example\noptions ndots:2 edns0\n');
  });
});
