import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { service, slice } from '../testing/objects.ts';
import { assignLoadBalancerAddresses, planHostPorts } from './host-port-plan.ts';
import { planServices } from './service-model.ts';

const balancer = (name: string, spec: Record<string, unknown> = {}, ip?: string) => ({
  ...service(name, { type: 'LoadBalancer', ...spec }),
  ...(ip === undefined ? {} : { status: { loadBalancer: { ingress: [{ ip }] } } }),
});

test('a Service keeps its address, a foreign or doubled one is replaced, somebody else’s class is left alone', () => {
  const assigned = assignLoadBalancerAddresses(
    [
      balancer('kept', {}, '127.77.9.9'),
      balancer('thief', {}, '127.77.9.9'),
      balancer('foreign', {}, '192.0.2.1'),
      balancer('zero', {}, '127.77.0.255'),
      balancer('classed', { loadBalancerClass: 'example.com/lb' }),
      service('plain', {}),
    ],
    'one',
  );
  assert.deepEqual([...assigned.keys()].sort(), ['default/foreign', 'default/kept', 'default/thief', 'default/zero']);
  assert.equal(assigned.get('default/kept'), '127.77.9.9');
  for (const address of assigned.values()) assert.match(address, /^127\.77\.[1-9]\d*\.[1-9]\d*$/);
  assert.equal(new Set(assigned.values()).size, 4);
});

test('addresses are all different, and a Service made again gets its old one', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.stringMatching(/^[a-z]{1,6}$/), { maxLength: 60 }), (names) => {
      const first = assignLoadBalancerAddresses(
        names.map((name) => balancer(name)),
        'one',
      );
      assert.equal(new Set(first.values()).size, names.length);
      assert.deepEqual(assignLoadBalancerAddresses(names.map((name) => balancer(name)).reverse(), 'one'), first);
    }),
  );
});

test('Services of one name in two clusters of this machine do not meet', () => {
  const [one, two] = ['one', 'two'].map((cluster) => assignLoadBalancerAddresses([balancer('web')], cluster).get('default/web'));
  assert.notEqual(one, two);
});

test('ports: node ports on 127.0.0.1, Service ports on the address; IPv4 endpoints before IPv6; no SCTP', () => {
  const web = balancer('web', {
    clusterIPs: ['fd00:10:96::5', '10.96.0.5'],
    ports: [
      { name: 'http', port: 80, nodePort: 30080 },
      { name: 'dns', port: 53, protocol: 'UDP' },
      { name: 's', port: 99, protocol: 'SCTP', nodePort: 30099 },
    ],
  });
  const ports = [
    { name: 'http', port: 8080, protocol: 'TCP' },
    { name: 'dns', port: 5353, protocol: 'UDP' },
    { name: 's', port: 99, protocol: 'SCTP' },
  ];
  const slices = [slice('web', 'IPv6', ports, [{ ip: 'fd00:244:1::2' }]), slice('web', 'IPv4', ports, [{ ip: '10.244.1.2' }])];
  const planned = planHostPorts(planServices([web], slices), new Map([['default/web', '127.77.1.1']]));
  assert.deepEqual(
    planned.map(({ address, port, protocol, kind, endpoints }) => [protocol, address, port, kind, endpoints[0]?.ip]).sort(),
    [
      ['tcp', '127.0.0.1', 30080, 'NodePort', '10.244.1.2'],
      ['tcp', '127.77.1.1', 80, 'LoadBalancer', '10.244.1.2'],
      ['udp', '127.77.1.1', 53, 'LoadBalancer', '10.244.1.2'],
    ],
  );
});
