import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DeleteOptions, KubernetesObject } from '@palisade/kubernetes';
import fc from 'fast-check';
import { parseRange } from './address-range.ts';
import { isFinished, markDeleted } from './delete.ts';
import { ServiceAllocator } from './service-allocator.ts';
import { qosClass } from './strategies/pod.ts';
import { generatedName, type Random } from './uid.ts';

const first: Random = { uuid: () => 'u', integer: () => 0 };

test('ranges: what is inside, the first host, nothing when full', () => {
  const v4 = parseRange('10.96.0.0/16');
  assert.deepEqual([v4.family, v4.first], ['IPv4', '10.96.0.1']);
  const v6 = parseRange('fd00:10:96::/112');
  assert.deepEqual([v6.family, v6.first], ['IPv6', 'fd00:10:96::1']);
  const inside: [range: string, address: string, yes: boolean][] = [
    ['10.96.0.0/16', '10.96.0.1', true],
    ['10.96.0.0/16', '10.96.0.0', false],
    ['10.96.0.0/16', '10.96.255.255', false],
    ['10.96.0.0/16', '10.97.0.1', false],
    ['10.96.0.0/16', 'fd00::1', false],
    ['10.96.0.0/16', 'nonsense', false],
    ['fd00:10:96::/112', 'fd00:10:96::ffff', true],
    ['fd00:10:96::/112', 'fd00:10:96:0:0:0:1:0', false],
  ];
  for (const [range, address, yes] of inside) assert.equal(parseRange(range).contains(address), yes, `${address} in ${range}`);
  const small = parseRange('192.0.2.0/29');
  const taken = new Set<string>();
  for (let address = small.pick(taken, first); address !== undefined; address = small.pick(taken, first)) taken.add(address);
  assert.deepEqual([...taken].sort(), ['192.0.2.3', '192.0.2.4', '192.0.2.5', '192.0.2.6']);
  for (const bad of ['', '10.0.0.0', '10.0.0.0/33', 'x/8', '::/129', '10.0.0.0/'])
    assert.throws(() => parseRange(bad), /Cannot parse service range/);
});

const service = (spec: object): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 's' },
  spec: { type: 'ClusterIP', ipFamilies: ['IPv4'], ...spec },
});

test('property: no two Services share an address or a node port, and what is freed comes back', () => {
  const step = fc.record({
    slot: fc.integer({ min: 0, max: 5 }),
    type: fc.constantFrom('ClusterIP', 'NodePort'),
    wanted: fc.option(fc.integer({ min: 30_000, max: 30_004 })),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const allocator = new ServiceAllocator({ cidrs: ['192.0.2.0/28', '2001:db8::/124'], nodePorts: [30_000, 30_004], random: first });
      const live = new Map<number, KubernetesObject>();
      for (const { slot, type, wanted } of steps) {
        const old = live.get(slot);
        if (old !== undefined) {
          allocator.free(old);
          live.delete(slot);
          continue;
        }
        const made = service({
          type,
          ipFamilies: ['IPv4', 'IPv6'],
          ports: [{ port: 80, protocol: 'TCP', ...(wanted === null || type === 'ClusterIP' ? {} : { nodePort: wanted }) }],
        });
        if (allocator.allocate(made, undefined).ok) live.set(slot, made);
      }
      const specs = [...live.values()].map((one) => one['spec']);
      const addresses = specs.flatMap((spec) => spec.clusterIPs);
      const ports = specs
        .flatMap((spec) => spec.ports.map((port: { nodePort?: number }) => port.nodePort))
        .filter((port) => port !== undefined);
      assert.equal(new Set(addresses).size, addresses.length);
      assert.equal(new Set(ports).size, ports.length);
      assert.ok(specs.every((spec) => spec.clusterIP === spec.clusterIPs[0] && spec.clusterIPs.length === 2));
    }),
  );
});

test('an allocation that fails leaves nothing behind', () => {
  const allocator = new ServiceAllocator({ cidrs: ['192.0.2.0/28'], nodePorts: [30_000, 30_001], random: first });
  const ports = [30_000, 30_000].map((nodePort, i) => ({ port: i + 1, protocol: 'TCP', nodePort }));
  const refused = allocator.allocate(service({ type: 'NodePort', ports, clusterIPs: ['192.0.2.9'] }), undefined);
  assert.deepEqual(refused, {
    ok: false,
    causes: [
      { reason: 'FieldValueInvalid', message: 'Invalid value: 30000: provided port is already allocated', field: 'spec.ports[1].nodePort' },
    ],
  });
  assert.ok(allocator.allocate(service({ type: 'NodePort', ports: ports.slice(1), clusterIPs: ['192.0.2.9'] }), undefined).ok);
});

test('a dry run takes nothing: the first of each range stands for what would be drawn', () => {
  const allocator = new ServiceAllocator({ cidrs: ['192.0.2.0/28', '2001:db8::/124'], nodePorts: [30_000, 30_002], random: first });
  const made = service({
    type: 'LoadBalancer',
    externalTrafficPolicy: 'Local',
    ports: [{ port: 1, protocol: 'TCP' }],
    ipFamilies: ['IPv4', 'IPv6'],
  });
  const dry = structuredClone(made);
  assert.ok(allocator.allocate(dry, undefined, true).ok);
  assert.deepEqual([dry['spec'].clusterIPs, dry['spec'].ports[0].nodePort], [['192.0.2.0', '2001:db8::'], 30_000]);
  assert.ok(allocator.allocate(made, undefined).ok);
  assert.deepEqual([made['spec'].ports[0].nodePort, made['spec'].healthCheckNodePort], [30_000, 30_001]);
  const changed = structuredClone(made);
  changed['spec'].externalTrafficPolicy = 'Cluster';
  assert.ok(allocator.allocate(changed, made).ok);
  assert.equal(changed['spec'].healthCheckNodePort, undefined);
});

test('deletion: who waits for whom', () => {
  const now = new Date('2026-01-01T00:00:00Z');
  const object = (kind: string, extra: object = {}, finalizers?: string[]): KubernetesObject => ({
    apiVersion: 'v1',
    kind,
    metadata: { name: 'x', generation: 1, ...(finalizers ? { finalizers } : {}) },
    ...extra,
  }); // prettier-ignore
  const onNode = { spec: { nodeName: 'n', terminationGracePeriodSeconds: 30 } };
  const cases: [
    what: string,
    type: string,
    object: KubernetesObject,
    options: DeleteOptions,
    finished: boolean,
    finalizers: string[] | undefined,
    grace: number,
  ][] = [
    ['a map', 'configmaps', object('ConfigMap'), {}, true, undefined, 0],
    ['a held map', 'configmaps', object('ConfigMap', {}, ['a/b']), {}, false, ['a/b'], 0],
    ['foreground', 'configmaps', object('ConfigMap'), { propagationPolicy: 'Foreground' }, false, ['foregroundDeletion'], 0],
    [
      'orphan replaces foreground',
      'configmaps',
      object('ConfigMap', {}, ['foregroundDeletion']),
      { propagationPolicy: 'Orphan' },
      false,
      ['orphan'],
      0,
    ],
    ['background clears both', 'configmaps', object('ConfigMap', {}, ['orphan']), { propagationPolicy: 'Background' }, true, undefined, 0],
    ['no policy keeps them', 'configmaps', object('ConfigMap', {}, ['orphan']), {}, false, ['orphan'], 0],
    ['a job orphans', 'jobs.batch', object('Job'), {}, false, ['orphan'], 0],
    ['a pod nowhere', 'pods', object('Pod', { spec: {} }), {}, true, undefined, 0],
    ['a pod on a node', 'pods', object('Pod', onNode), {}, false, undefined, 30],
    ['a pod that ended', 'pods', object('Pod', { ...onNode, status: { phase: 'Succeeded' } }), {}, true, undefined, 0],
    ['a forced pod', 'pods', object('Pod', onNode), { gracePeriodSeconds: 0 }, true, undefined, 0],
    ['a namespace with content', 'namespaces', object('Namespace', { spec: { finalizers: ['kubernetes'] } }), {}, false, undefined, 0],
  ];
  for (const [what, type, before, options, finished, finalizers, grace] of cases) {
    const after = markDeleted(before, type, options, now);
    assert.equal(isFinished(after), finished, what);
    assert.deepEqual(
      [after.metadata.finalizers, after.metadata.deletionGracePeriodSeconds, after.metadata.generation],
      [finalizers, grace, 2],
      what,
    );
    assert.equal(before.metadata.deletionTimestamp, undefined, `${what}: the argument is left alone`);
  }
  const once = markDeleted(object('Pod', onNode), 'pods', {}, now);
  assert.equal(once.metadata.deletionTimestamp, '2026-01-01T00:00:30Z');
  const longer = markDeleted(once, 'pods', { gracePeriodSeconds: 60 }, now);
  assert.deepEqual(longer.metadata, once.metadata);
  const shorter = markDeleted(once, 'pods', { gracePeriodSeconds: 10 }, new Date('2026-01-01T00:00:05Z'));
  assert.deepEqual([shorter.metadata.deletionGracePeriodSeconds, shorter.metadata.deletionTimestamp], [10, '2026-01-01T00:00:10Z']);
});

test('quality of service and generated names', () => {
  const pod = (...resources: object[]): KubernetesObject => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {},
    spec: { containers: resources.map((one) => ({ resources: one })) },
  });
  const both = { cpu: '1', memory: '1Gi' };
  assert.equal(qosClass(pod({})), 'BestEffort');
  assert.equal(qosClass(pod({ limits: both, requests: both })), 'Guaranteed');
  assert.equal(qosClass(pod({ limits: both }, {})), 'Burstable');
  assert.equal(qosClass(pod({ limits: both, requests: { cpu: '500m', memory: '1Gi' } })), 'Burstable');
  assert.match(generatedName(first, 'a-'), /^a-[a-z0-9]{5}$/);
  assert.equal(generatedName(first, 'x'.repeat(80)).length, 63);
});
