import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createMemo } from './memo.ts';
import type { MeshSnapshot, Workload } from './model.ts';
import { compileProxy } from './proxy.ts';
import { details, service, snapshot } from './testing/snapshot.ts';

test('made again when an input is another, forgotten when nobody asks', () => {
  const { memo, sweep } = createMemo();
  const one = {};
  let made = 0;
  const ask = (...inputs: unknown[]) => memo('key', inputs, () => ++made);
  assert.deepEqual([ask(one, 1), ask(one, 1), ask({}, 1), ask(one, 1), ask(one)], [1, 1, 2, 3, 4]);
  sweep();
  assert.equal(ask(one), 4);
  sweep();
  sweep();
  assert.equal(ask(one), 5);
});

test('parts stay with what was made of them', () => {
  const { memo, sweep } = createMemo();
  const made: string[] = [];
  const part = (name: string, input: unknown) =>
    memo(name, [input], () => {
      made.push(name);
      return name;
    });
  const whole = (...inputs: unknown[]) => memo('whole', inputs, () => inputs.map((input, index) => part(`part ${index}`, input)).join());
  whole(1, 2);
  for (let round = 0; round < 3; round++) {
    sweep();
    whole(1, 2);
  }
  sweep();
  made.length = 0;
  whole(1, 3);
  assert.deepEqual(made, ['part 1']);
});

const gateway: Workload = {
  ...details,
  namespace: 'istio-system',
  name: 'gw-1',
  labels: { istio: 'ingressgateway' },
  addresses: ['10.244.9.9'],
  isGateway: true,
};
const web: Workload = { ...details, name: 'web-1', labels: { app: 'web' }, addresses: ['10.244.1.9'], serviceAccount: 'web' };
const parts = snapshot({
  authorization: [{}, { selector: { matchLabels: { app: 'web' } }, action: 'DENY', rules: [{}] }],
  peer: [
    { spec: { mtls: { mode: 'STRICT' } } },
    { spec: { mtls: { mode: 'DISABLE' } }, namespace: 'istio-system' },
    { spec: { selector: { matchLabels: { app: 'details' } }, mtls: { mode: 'PERMISSIVE' } } },
  ],
  rules: [
    { host: 'db', trafficPolicy: { tls: { mode: 'DISABLE' } } },
    { host: 'details', subsets: [{ name: 'v1', labels: { version: 'v1' } }] },
  ],
  routes: [
    {
      hosts: ['details'],
      http: [{ match: [{ sourceLabels: { app: 'web' } }], route: [{ destination: { host: 'details', subset: 'v1' } }] }],
    },
    { hosts: ['*'], gateways: ['shop/p0'], http: [{ route: [{ destination: { host: 'details' } }] }] },
  ],
  gateways: [{ selector: { istio: 'ingressgateway' }, servers: [{ port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['*'] }] }],
});
const services = [...parts.services, service('web', '10.96.0.9', { 80: 'http' }, '10.244.1.9')];
const moved = services.map((one) => ({ ...one, endpoints: one.endpoints.map((each) => ({ ...each, isReady: false })) }));
const grown = services.map((one) => ({ ...one, ports: [...one.ports, { name: 'extra', port: 81, protocol: 'tcp' as const }] }));

/** Any part of the mesh in any order: what is remembered must never show. */
const anySnapshot = fc
  .record({
    services: fc.constantFrom(services, moved, grown, services.slice(1), []),
    authorizationPolicies: fc.subarray([...parts.authorizationPolicies]),
    peerAuthentications: fc.subarray([...parts.peerAuthentications]),
    destinationRules: fc.subarray([...parts.destinationRules]),
    virtualServices: fc.subarray([...parts.virtualServices]),
    gateways: fc.subarray([...parts.gateways]),
    settings: fc.constantFrom(
      parts.settings,
      { ...parts.settings, isAutoMtls: false },
      { ...parts.settings, outbound: 'REGISTRY_ONLY' as const },
    ),
  })
  .map((wanted): MeshSnapshot => ({ ...parts, ...wanted }));

test('a remembered configuration is the one that would be compiled', () => {
  fc.assert(
    fc.property(fc.array(anySnapshot, { minLength: 2, maxLength: 5 }), (history) => {
      const { memo, sweep } = createMemo();
      for (const current of history) {
        for (const workload of [details, web, gateway])
          assert.deepEqual(compileProxy(current, workload, memo), compileProxy(current, workload));
        sweep();
      }
    }),
    { numRuns: 20 },
  );
});
