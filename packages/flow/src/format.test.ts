import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { flowToJsonLine, formatFlow } from './format.ts';
import type { FlowRecord } from './record.ts';

const dropped: FlowRecord = {
  time: '2026-11-22T03:18:25.123Z',
  reporter: 'node/node1',
  verdict: 'DROPPED',
  reason: 'no NetworkPolicy allows it',
  policy: { kind: 'NetworkPolicy', namespace: 'default', name: 'db', direction: 'ingress' },
  direction: 'ingress',
  source: { ip: '10.244.0.1', port: 43_210, namespace: 'default', pod: 'auth-x' },
  destination: { ip: '10.244.0.2', port: 80, namespace: 'default', pod: 'db-y' },
  body: { type: 'l4', protocol: 'TCP', tcpFlags: ['SYN'] },
};
const world = { ip: '203.0.113.7', port: 443, reserved: 'world' };
const plain: FlowRecord = {
  time: dropped.time,
  reporter: 'node/node1',
  verdict: 'FORWARDED',
  reason: 'fine',
  source: dropped.source,
  destination: world,
  body: { type: 'l4', protocol: 'UDP' },
};

const cases: readonly (readonly [FlowRecord, string])[] = [
  [
    dropped,
    'Nov 22 03:18:25.123: default/auth-x:43210 <> default/db-y:80 ingress DROPPED (TCP Flags: SYN) — no NetworkPolicy allows it [NetworkPolicy default/db]',
  ],
  [plain, 'Nov 22 03:18:25.123: default/auth-x:43210 -> 203.0.113.7:443 (world) FORWARDED (UDP) — fine'],
  [
    {
      ...plain,
      destination: { ip: '2001:db8::1', port: 53, names: ['dns.example'] },
      body: { type: 'dns', query: 'db.default', queryType: 'A', responseCode: 'NOERROR', answers: ['10.96.0.7'] },
    },
    'Nov 22 03:18:25.123: default/auth-x:43210 -> [2001:db8::1]:53 (dns.example) FORWARDED (DNS A db.default NOERROR -> 10.96.0.7) — fine',
  ],
  [
    { ...plain, destination: { reserved: 'host' }, body: { type: 'l4', protocol: 'ICMPv4', icmpType: 8 } },
    'Nov 22 03:18:25.123: default/auth-x:43210 -> host FORWARDED (ICMPv4 type 8) — fine',
  ],
  [
    { ...plain, body: { type: 'http', method: 'GET', path: '/users', status: 403, durationMs: 2 } },
    'Nov 22 03:18:25.123: default/auth-x:43210 -> 203.0.113.7:443 (world) FORWARDED (HTTP GET /users 403 2ms) — fine',
  ],
  [
    {
      ...dropped,
      policy: { kind: 'WafRule', name: 'crs', rule: '942190' },
      body: { type: 'waf', engine: 'modsecurity', method: 'GET', path: '/?a=\u001b[2J\n', ruleIds: ['942190'], messages: [] },
    },
    'Nov 22 03:18:25.123: default/auth-x:43210 <> default/db-y:80 ingress DROPPED (WAF GET /?a=\\x1b[2J\\x0a rules 942190) — no NetworkPolicy allows it [WafRule crs rule 942190]',
  ],
];

describe('formatFlow', () => {
  for (const [flow, line] of cases) it(line, () => assert.equal(formatFlow(flow), line));

  it('a JSON line is one line, and reads back equal', () => {
    const flow = { ...plain, reason: 'two\nlines' };
    const line = flowToJsonLine(flow);
    assert.equal(line.indexOf('\n'), line.length - 1);
    assert.deepEqual(JSON.parse(line), flow);
  });
});
