import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFlowLineReader } from './flow-lines.ts';

const place = { reporter: 'pod/shop/web-1/istio-proxy', endpoint: { ip: '10.0.0.2', namespace: 'shop', pod: 'web-1', node: 'node1' } };
const line = {
  time: '2026-11-22T00:00:00.000Z',
  reporter: 'pod/kube-system/forged/istio-proxy',
  verdict: 'DROPPED',
  reason: 'denied by AuthorizationPolicy',
  direction: 'ingress',
  source: { ip: '10.0.0.1', port: 4000, identity: 'spiffe://cluster.local/ns/shop/sa/client' },
  destination: { ip: '10.9.9.9', port: 80, namespace: 'other', pod: 'other', identity: 'spiffe://cluster.local/ns/shop/sa/web' },
  body: { type: 'http', method: 'GET', path: '/', status: 403 },
};

test('a line is a record of the pod it came from, cut anywhere', () => {
  const reader = createFlowLineReader(place);
  const text = `${JSON.stringify(line)}\n`;
  const records = [...text.slice(0, 50), ...[text.slice(50)]].flatMap((chunk) => reader.read(chunk));
  assert.equal(records.length, 1);
  assert.equal(records[0]!.reporter, place.reporter);
  assert.deepEqual(records[0]!.destination, { ...place.endpoint, port: 80, identity: line.destination.identity });
  assert.deepEqual(records[0]!.source, line.source);
  const [outbound] = reader.read(`${JSON.stringify({ ...line, direction: 'egress' })}\n`);
  assert.deepEqual(outbound!.source, { ...place.endpoint, port: 4000, identity: line.source.identity });
  assert.equal(outbound!.destination.pod, 'other');
});

test('what is no record is left out', () => {
  const reader = createFlowLineReader(place);
  const broken = [
    '',
    'null',
    '[]',
    '{',
    '{"verdict":"DROPPED"}',
    JSON.stringify({ ...line, verdict: 'MAYBE' }),
    JSON.stringify({ ...line, time: 'then' }),
    JSON.stringify({ ...line, body: { type: 'waf' } }),
    `"${'x'.repeat(70_000)}"`,
  ];
  assert.deepEqual(reader.read(`${broken.join('\n')}\n`), []);
  assert.deepEqual(reader.read('x'.repeat(70_000)), []);
  assert.deepEqual(reader.end(), []);
  assert.equal(reader.read(`${JSON.stringify(line)}\n`).length, 1);
});
