import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Endpoint, FlowRecord } from '@palisade/flow';
import { enrichFlow } from './enrich.ts';

const pods: Readonly<Record<string, Endpoint>> = {
  '10.0.0.1': { namespace: 'shop', pod: 'meshed', labels: { 'security.istio.io/tlsMode': 'istio' } },
  '10.0.0.2': { namespace: 'shop', pod: 'plain', labels: {} },
};
const endpointOf = (ip: string, port: number): Endpoint => ({ ip, port, ...(pods[ip] ?? { reserved: 'world' }) });
const record = (source: Endpoint, isMutualTls: boolean | undefined, direction: 'ingress' | 'egress' = 'ingress'): FlowRecord => ({
  time: '2026-01-01T00:00:00Z',
  reporter: 'pod/shop/orders/istio-proxy',
  verdict: 'FORWARDED',
  reason: 'answered',
  direction,
  source,
  destination: { ip: '10.0.0.9', port: 80, pod: 'orders' },
  body: { type: 'http', method: 'GET', path: '/', ...(isMutualTls === undefined ? {} : { isMutualTls }) },
});

test('both ends get their names; what the reporter knows stays', () => {
  const { source, destination } = enrichFlow(record({ ip: '10.0.0.1', port: 7 }, true), endpointOf);
  assert.equal(source.pod, 'meshed');
  assert.equal(destination.pod, 'orders');
  const known = (pod: string) => enrichFlow(record({ ip: '10.0.0.1', namespace: 'shop', pod }, true), endpointOf).source.labels;
  assert.deepEqual(
    [known('meshed'), known('before')],
    [pods['10.0.0.1']!.labels, undefined],
    'an address that is another’s by now names nobody',
  );
});

test('plain text that comes from a pod with a proxy is told as an escape', () => {
  const identity = 'spiffe://cluster.local/ns/shop/sa/meshed';
  const rows: [string, FlowRecord, boolean][] = [
    ['past its proxy', record({ ip: '10.0.0.1' }, false), true],
    ['with its certificate', record({ ip: '10.0.0.1', identity }, true), false],
    ['a pod without proxy', record({ ip: '10.0.0.2' }, false), false],
    ['the world', record({ ip: '192.0.2.1' }, false), false],
    ['a reporter that knows nothing of TLS', record({ ip: '10.0.0.1' }, undefined), false],
    ['the client’s own proxy', record({ ip: '10.0.0.1' }, false, 'egress'), false],
  ];
  for (const [name, input, expected] of rows) assert.equal(/past the mesh/.test(enrichFlow(input, endpointOf).reason), expected, name);
});
