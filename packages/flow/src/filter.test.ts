import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compileFlowFilter, type FlowFilter, parseFlowFilter, parseSince } from './filter.ts';
import type { FlowRecord } from './record.ts';

const flow: FlowRecord = {
  time: '2026-01-01T00:00:10.000Z',
  reporter: 'node/node1',
  verdict: 'DROPPED',
  reason: '',
  source: { ip: '10.244.0.1', port: 43_210, namespace: 'default', pod: 'auth-7d9f-x', workload: 'Deployment/auth' },
  destination: { ip: '203.0.113.7', port: 443, reserved: 'world', names: ['evil.example'] },
  body: { type: 'l4', protocol: 'ICMPv4' },
};

const cases: readonly (readonly [FlowFilter, boolean])[] = [
  [{}, true],
  [{ verdict: 'DROPPED' }, true],
  [{ verdict: 'FORWARDED' }, false],
  [{ from: 'auth-7d9f-x' }, true],
  [{ from: 'auth' }, true],
  [{ from: 'Deployment/auth' }, true],
  [{ from: 'default/auth' }, true],
  [{ from: 'default/' }, true],
  [{ from: 'prod/auth' }, false],
  [{ from: 'prod/' }, false],
  [{ from: 'aut' }, false],
  [{ from: '10.244.0.1' }, true],
  [{ from: '10.244.0.2' }, false],
  [{ to: 'world' }, true],
  [{ to: 'evil.example' }, true],
  [{ to: '/' }, false],
  [{ namespace: 'default' }, true],
  [{ namespace: 'prod' }, false],
  [{ protocol: 'icmp' }, true],
  [{ protocol: 'l4' }, true],
  [{ protocol: 'tcp' }, false],
  [{ protocol: 'dns' }, false],
  [{ port: 443 }, true],
  [{ port: 43_210 }, true],
  [{ port: 80 }, false],
  [{ sinceMs: Date.parse(flow.time) }, true],
  [{ sinceMs: Date.parse(flow.time) + 1 }, false],
  [{ verdict: 'DROPPED', port: 80 }, false],
];

describe('compileFlowFilter', () => {
  for (const [filter, expected] of cases)
    it(`${JSON.stringify(filter)} is ${expected}`, () => assert.equal(compileFlowFilter(filter)(flow), expected));
});

describe('parseFlowFilter', () => {
  it('reads every field', () => {
    const values = { verdict: 'dropped', from: 'a', to: 'b', namespace: 'n', protocol: 'tcp', port: '80', since: '1m30s' };
    const filter = { verdict: 'DROPPED', from: 'a', to: 'b', namespace: 'n', protocol: 'tcp', port: 80, sinceMs: 10_000 };
    assert.deepEqual(parseFlowFilter(values, 100_000), { ok: true, filter });
  });
  for (const values of [{ verdict: 'x' }, { port: '-1' }, { port: '65536' }, { port: '8e1' }, { since: '10' }, { since: '2026' }]) {
    it(`refuses ${JSON.stringify(values)}`, () => assert.equal(parseFlowFilter(values, 0).ok, false));
  }
});

describe('parseSince', () => {
  const rows: readonly (readonly [string, number | undefined])[] = [
    ['250ms', 999_750],
    ['10s', 990_000],
    ['1h', -2_600_000],
    ['1m30s', 910_000],
    ['1970-01-01T00:00:05Z', 5_000],
    ['10 s', undefined],
    ['', undefined],
  ];
  for (const [text, expected] of rows) it(`"${text}"`, () => assert.equal(parseSince(text, 1_000_000), expected));
});
