import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ipv6Bytes, socketAddress } from '../namespaces/native.ts';
import { ifnameOf, LAST_POD, macOf, planNodes, podAddresses, podNetnsOf, podNumberOf } from './addresses.ts';
import { planFabric } from './fabric-plan.ts';
import { createPodNumbers, planPod } from './pod-plan.ts';

test('node names are checked, and given numbers in order', () => {
  assert.deepEqual(
    planNodes(['node1', 'es-node']).map(({ name, addresses, podCIDRs, fabricLink }) => [name, ...addresses, ...podCIDRs, fabricLink]),
    [
      ['node1', '172.30.0.11', 'fd00:172:30::11', '10.244.1.0/24', 'fd00:244:1::/64', 'n1'],
      ['es-node', '172.30.0.12', 'fd00:172:30::12', '10.244.2.0/24', 'fd00:244:2::/64', 'n2'],
    ],
  );
  for (const names of [[], ['Node'], ['a b'], ['-a'], ['a', 'a'], ['../x'], ['a'.repeat(64)]])
    assert.throws(() => planNodes(names), /Cannot/);
  assert.throws(() => planNodes(Array.from({ length: 201 }, (_, index) => `n${index}`)), /expected 1 to 200/);
});

test('the steps of one pod', () => {
  const [node] = planNodes(['node1']);
  const plan = planPod(node!, 'uid-1', podAddresses(node!, 7));
  const { ifname } = plan;
  assert.deepEqual(plan, {
    netnsName: 'pod-uid-1',
    ifname: ifnameOf('uid-1'),
    link: `link add name ${ifname} netns node-node1 address ee:ee:ee:ee:ee:ee type veth peer name eth0 netns pod-uid-1 address 0a:58:0a:f4:01:07`,
    node: [
      `link set dev ${ifname} up`,
      `route add 10.244.1.7/32 dev ${ifname}`,
      `neigh replace 10.244.1.7 lladdr 0a:58:0a:f4:01:07 dev ${ifname} nud permanent`,
      `route add fd00:244:1::7/128 dev ${ifname}`,
      `neigh replace fd00:244:1::7 lladdr 0a:58:0a:f4:01:07 dev ${ifname} nud permanent`,
    ],
    pod: [
      'link set dev lo up',
      'addr add 10.244.1.7/32 dev eth0',
      'addr add fd00:244:1::7/128 dev eth0 nodad',
      'link set dev eth0 up',
      'neigh replace 169.254.1.1 lladdr ee:ee:ee:ee:ee:ee dev eth0 nud permanent',
      'route add default via 169.254.1.1 dev eth0 onlink src 10.244.1.7',
      'neigh replace fe80::1 lladdr ee:ee:ee:ee:ee:ee dev eth0 nud permanent',
      'route add ::/0 via fe80::1 dev eth0 onlink src fd00:244:1::7',
    ],
  });
});

test('every namespace of the fabric is private to it, and every link is made once', () => {
  const plan = planFabric(planNodes(['a', 'b']));
  assert.deepEqual(plan.namespaces, ['fabric', 'outside', 'node-a', 'node-b']);
  assert.deepEqual([...plan.batches.keys()], plan.namespaces);
  for (const line of plan.links)
    assert.match(line, /^link add name \S+ netns fabric address \S+ type veth peer name \S+ netns \S+ address \S+$/);
  assert.deepEqual(plan.batches.get('node-b')?.slice(-2), ['route add unreachable 10.244.2.0/24', 'route add unreachable fd00:244:2::/64']);
});

test('pod numbers go round before one is used again, and run out with a clear error', () => {
  const numbers = createPodNumbers('node1');
  assert.equal(numbers.take(), 2);
  numbers.release(2);
  assert.equal(numbers.take(2), 2);
  numbers.release(2);
  assert.equal(numbers.take(), 3);
  assert.equal(numbers.take(3), 4);
  for (const outside of [0, 1, 255]) {
    const given = numbers.take(outside);
    assert.ok(given >= 5 && given <= 7);
    numbers.release(given);
  }
  for (let count = 0; count < 251; count++) numbers.take();
  assert.throws(() => numbers.take(), /no free pod address: all 253/);
  numbers.release(LAST_POD);
  assert.equal(numbers.take(), LAST_POD);
});

test('a pod keeps the number of its address on its own node only', () => {
  const [one] = planNodes(['node1']);
  const table: [unknown, number | undefined][] = [
    ['10.244.1.9', 9],
    ['10.244.2.9', undefined],
    ['10.244.1.9.9', undefined],
    ['fd00:244:1::9', undefined],
    [undefined, undefined],
  ];
  for (const [address, number] of table) assert.equal(podNumberOf(one!, address), number);
});

test('interface names fit the kernel and differ by pod', () => {
  fc.assert(
    fc.property(fc.uuid(), fc.uuid(), (one, other) => {
      assert.match(ifnameOf(one), /^v[0-9a-f]{12}$/);
      if (one !== other) assert.notEqual(ifnameOf(one), ifnameOf(other));
      assert.equal(podNetnsOf(one), `pod-${one}`);
    }),
  );
  for (const uid of ['', '../x', 'a/b', '.hidden', 'a b']) assert.throws(() => podNetnsOf(uid), TypeError);
});

test('socket addresses', () => {
  assert.equal(socketAddress('10.1.2.3', 80).toString('hex'), '020000500a0102030000000000000000');
  assert.equal(socketAddress('fd00::1', 443).toString('hex'), `0a0001bb00000000fd00${'00'.repeat(13)}0100000000`);
  assert.equal(ipv6Bytes('::').toString('hex'), '00'.repeat(16));
  assert.equal(ipv6Bytes('1:2:3:4:5:6:7:8').toString('hex'), '00010002000300040005000600070008');
  assert.equal(ipv6Bytes('1::').toString('hex'), `0001${'00'.repeat(14)}`);
  assert.equal(ipv6Bytes('::ffff:192.0.2.1').toString('hex'), `${'00'.repeat(10)}ffffc0000201`);
  assert.equal(macOf('172.30.0.11'), '0a:58:ac:1e:00:0b');
});
