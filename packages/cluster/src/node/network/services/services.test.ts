import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { KubernetesObject } from '@palisade/kubernetes';
import fc from 'fast-check';
import { service, slice } from '../testing/objects.ts';
import { planServices, usableEndpoints } from './service-model.ts';
import { renderServices } from './services.ts';
import { staleUdpFlows } from './stale-flows.ts';

const golden = (name: string) => join(import.meta.dirname, 'testdata', name);
const raw = { serializers: [(value: string) => value] };
const node1 = { name: 'node1', addresses: ['172.30.0.11', 'fd00:172:30::11'] } as const;

const web = service('web', { clusterIPs: ['10.96.0.20', 'fd00:10:96::20'], ports: [{ name: 'http', port: 80, protocol: 'TCP' }] });
const webSlices = [
  slice(
    'web',
    'IPv4',
    [{ name: 'http', port: 8080, protocol: 'TCP' }],
    [
      { ip: '10.244.1.10', node: 'node1' },
      { ip: '10.244.2.10', node: 'node2' },
    ],
  ),
  slice('web', 'IPv6', [{ name: 'http', port: 8080, protocol: 'TCP' }], [{ ip: 'fd00:244:1::10', node: 'node1' }]),
];

test('a Service of both families', (t) => {
  t.assert.fileSnapshot(renderServices(node1, planServices([web], webSlices)).text, golden('services-web.nft'), raw);
});

test('traffic policies, node ports, external addresses, UDP', (t) => {
  const objects: KubernetesObject[] = [
    service('local', {
      type: 'NodePort',
      clusterIPs: ['10.96.0.30'],
      internalTrafficPolicy: 'Local',
      externalTrafficPolicy: 'Local',
      ports: [{ port: 80, nodePort: 30080 }],
    }),
    service('open', {
      type: 'NodePort',
      clusterIPs: ['10.96.0.31'],
      externalIPs: ['192.0.2.80', '2001:db8::80'],
      ports: [{ port: 53, protocol: 'UDP', nodePort: 30053 }],
    }),
    service('empty', { clusterIPs: ['10.96.0.32'], ports: [{ port: 80 }] }),
    service('headless', { clusterIPs: ['None'], ports: [{ port: 80 }] }),
    service('alias', { type: 'ExternalName', externalName: 'example.com' }),
  ];
  const slices = [
    slice('local', 'IPv4', [{ name: '', port: 8080, protocol: 'TCP' }], [{ ip: '10.244.2.10', node: 'node2' }]),
    slice('open', 'IPv4', [{ name: '', port: 5353, protocol: 'UDP' }], [{ ip: '10.244.2.11', node: 'node2' }]),
    slice('headless', 'IPv4', [{ name: '', port: 80, protocol: 'TCP' }], [{ ip: '10.244.2.12', node: 'node2' }]),
  ];
  t.assert.fileSnapshot(renderServices(node1, planServices(objects, slices)).text, golden('services-policies.nft'), raw);
});

test('endpoints: ready first, terminating only when nothing else serves, unset means ready', () => {
  const endpoints = (conditions: Record<string, boolean>[]) =>
    usableEndpoints(
      planServices(
        [service('s', { clusterIPs: ['10.96.0.9'], ports: [{ port: 80 }] })],
        [
          slice(
            's',
            'IPv4',
            [{ name: '', port: 80, protocol: 'TCP' }],
            conditions.map((c, index) => ({ ip: `10.244.1.${index + 2}`, conditions: c })),
          ),
        ],
      )[0]!,
    ).map(({ ip }) => ip);
  const ready = { ready: true, serving: true, terminating: false };
  const ending = { ready: false, serving: true, terminating: true };
  const broken = { ready: false, serving: false, terminating: false };
  assert.deepEqual(endpoints([ready, ending, broken]), ['10.244.1.2']);
  assert.deepEqual(endpoints([broken, ending]), ['10.244.1.3']);
  assert.deepEqual(endpoints([broken]), []);
  assert.deepEqual(endpoints([{}]), ['10.244.1.2']);
});

test('a change holds only what changed: nothing, another endpoint, a Service gone', (t) => {
  const first = renderServices(node1, planServices([web], webSlices));
  assert.equal(first.state.chains.size, 2);
  assert.equal(renderServices(node1, planServices([web], webSlices), first.state).text, '');
  const moved = renderServices(node1, planServices([web], webSlices.slice(1)), first.state);
  const none = renderServices(node1, [], moved.state);
  t.assert.fileSnapshot(`${moved.text}---\n${none.text}`, golden('services-change.nft'), raw);
  assert.equal(none.state.chains.size, 0);
});

test('client affinity: when an endpoint goes, only its clients move', () => {
  const slots = (ips: readonly string[]) => {
    const object = service('s', { clusterIPs: ['10.96.0.9'], sessionAffinity: 'ClientIP', ports: [{ port: 80 }] });
    const text = renderServices(
      node1,
      planServices(
        [object],
        [
          slice(
            's',
            'IPv4',
            [{ name: '', port: 80, protocol: 'TCP' }],
            ips.map((ip) => ({ ip })),
          ),
        ],
      ),
    ).text;
    return [...text.matchAll(/(\d+) : ([\d.]+) \. 80/g)].map((match) => match[2]!);
  };
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 2, max: 254 }), { minLength: 3, maxLength: 8 }), (numbers) => {
      const ips = numbers.map((number) => `10.244.1.${number}`);
      const before = slots(ips);
      const after = slots(ips.slice(1));
      assert.equal(before.length, 256);
      before.forEach((ip, slot) => {
        if (ip !== ips[0]) assert.equal(after[slot], ip);
      });
      assert.ok(!after.includes(ips[0]!));
    }),
    { numRuns: 20 },
  );
});

test('the order of objects does not change the text', () => {
  const other = service('other', { clusterIPs: ['10.96.0.21'], ports: [{ port: 80 }] });
  assert.equal(
    renderServices(node1, planServices([web, other], webSlices)).text,
    renderServices(node1, planServices([other, web], [...webSlices].reverse())).text,
  );
});

test('UDP flows of endpoints that went are stale; TCP and endpoints that stay are not', () => {
  const plans = (ips: readonly string[]) =>
    planServices(
      [
        service('s', {
          type: 'NodePort',
          clusterIPs: ['10.96.0.9'],
          ports: [
            { name: 'u', port: 53, protocol: 'UDP', nodePort: 30053 },
            { name: 't', port: 53 },
          ],
        }),
      ],
      [
        slice(
          's',
          'IPv4',
          [
            { name: 'u', port: 53, protocol: 'UDP' },
            { name: 't', port: 53, protocol: 'TCP' },
          ],
          ips.map((ip) => ({ ip })),
        ),
      ],
    );
  assert.deepEqual(staleUdpFlows(plans(['10.244.1.2', '10.244.1.3']), plans(['10.244.1.3', '10.244.1.4'])), [
    { family: 4, endpoint: '10.244.1.2', destination: '10.96.0.9' },
    { family: 4, endpoint: '10.244.1.2' },
  ]);
  assert.deepEqual(staleUdpFlows(plans(['10.244.1.2']), []).length, 2);
  assert.deepEqual(staleUdpFlows(plans(['10.244.1.2']), plans(['10.244.1.2'])), []);
});
