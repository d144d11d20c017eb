import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createAuditLogReader } from './audit-log.ts';
import { parseAuditTime, parseMessage } from './audit-log-entry.ts';

const place = { reporter: 'pod/a/b/c', endpoint: { namespace: 'a', pod: 'b' } };
const now = () => new Date(0);
const read = (...chunks: string[]) => {
  const reader = createAuditLogReader(place, now);
  return [...chunks.flatMap((chunk) => reader.read(chunk)), ...reader.end()];
};

const native = `--c7036611-A--
[22/Nov/2026:04:03:44.786059 +0100] awJpoAtx 10.244.1.9 50718 10.244.2.3 80
--c7036611-B--
POST /login?a=1 HTTP/1.1
Host: db:8080

--c7036611-C--
--deadbeef-Z--
text
--c7036611-F--
HTTP/1.1 403 Forbidden

--c7036611-H--
Message: Warning. Matched phrase "x" at ARGS:p. [file "f.conf"] [line "1"] [id "942190"] [msg "SQL \\"injection\\""] [data "[id \\"1\\"]"] [tag "attack-sqli"] [tag "paranoia-level/1"]
Message: Access denied with code 403 (phase 2). Operator GE matched 5 at TX:anomaly_score. [id "949110"] [msg "Inbound Anomaly Score Exceeded (Total Score: 5)"]
Action: Intercepted (phase 2)
Producer: ModSecurity for Apache/2.9.7 (http://www.modsecurity.org/); OWASP_CRS/3.3.4.
Engine-Mode: "ENABLED"

--c7036611-Z--

`;
const json = `${JSON.stringify({
  transaction: {
    time: '22/Nov/2026:03:03:44.786059 +0000',
    transaction_id: 'awJpoAtx',
    remote_address: '10.244.1.9',
    remote_port: 50718,
    local_address: '10.244.2.3',
    local_port: 80,
  },
  request: { request_line: 'POST /login?a=1 HTTP/1.1', headers: { Host: 'db:8080' } },
  response: { status: 403 },
  audit_data: {
    messages: [
      'Warning. Matched phrase "x" at ARGS:p. [file "f.conf"] [line "1"] [id "942190"] [msg "SQL \\"injection\\""] [data "[id \\"1\\"]"] [tag "attack-sqli"] [tag "paranoia-level/1"]',
      'Access denied with code 403 (phase 2). Operator GE matched 5 at TX:anomaly_score. [id "949110"] [msg "Inbound Anomaly Score Exceeded (Total Score: 5)"]',
    ],
    action: { intercepted: true, phase: 2 },
    producer: ['ModSecurity for Apache/2.9.7 (http://www.modsecurity.org/)', 'OWASP_CRS/3.3.4'],
    engine_mode: 'ENABLED',
  },
})}\n`;

test('both formats of one transaction give the same record', () => {
  const [record, ...rest] = read(native);
  assert.deepEqual(rest, []);
  assert.deepEqual(read(json), [record]);
  assert.deepEqual(record, {
    time: '2026-11-22T03:03:44.786Z',
    reporter: 'pod/a/b/c',
    verdict: 'DROPPED',
    reason: 'blocked by rule 942190',
    policy: { kind: 'WafRule', name: 'OWASP_CRS/3.3.4', direction: 'ingress', rule: '949110' },
    direction: 'ingress',
    source: { ip: '10.244.1.9', port: 50718 },
    destination: { ip: '10.244.2.3', namespace: 'a', pod: 'b', port: 80 },
    body: {
      type: 'waf',
      engine: 'ModSecurity',
      method: 'POST',
      path: '/login?a=1',
      host: 'db:8080',
      status: 403,
      ruleIds: ['942190'],
      messages: ['SQL \\"injection\\"'],
      tags: ['attack-sqli', 'paranoia-level/1'],
      anomalyScore: 5,
      transactionId: 'awJpoAtx',
    },
  });
});

test('any cut of the log gives the same records', () => {
  const text = native + json + native;
  const whole = read(text);
  assert.equal(whole.length, 3);
  fc.assert(
    fc.property(fc.array(fc.nat(text.length), { maxLength: 12 }), (places) => {
      const cuts = [0, ...places.sort((a, b) => a - b), text.length];
      assert.deepEqual(read(...cuts.slice(1).map((end, index) => text.slice(cuts[index], end))), whole);
    }),
  );
});

test('an unreadable entry is an ERROR record, the next is read', () => {
  const records = read('{"transaction": {}}\n{broken\n', json);
  assert.deepEqual(
    records.map((record) => record.verdict),
    ['ERROR', 'ERROR', 'DROPPED'],
  );
  assert.match(records[1]!.reason, /^unreadable audit log entry: /);
});

test('an entry without a readable address is unreadable, not a record of nobody', () => {
  const entry = JSON.parse(json);
  for (const change of [
    { remote_address: undefined },
    { remote_address: 'db' },
    { remote_port: 'x' },
    { local_port: 65_536 },
    { time: '' },
  ]) {
    const [record] = read(`${JSON.stringify({ ...entry, transaction: { ...entry.transaction, ...change } })}\n`);
    assert.equal(record!.verdict, 'ERROR', JSON.stringify(change));
  }
});

test('no text makes the reader throw', () => {
  const pieces = fc.constantFrom(...native.split('\n'), json, '{', '}', '--x-A--', '--x-Z--', '\n', '[id "1"]');
  fc.assert(
    fc.property(fc.array(fc.oneof(pieces, fc.string({ unit: 'binary' }))), (parts) => void read(...parts.map((part) => `${part}\n`))),
  );
});

test('details', () => {
  assert.deepEqual(parseMessage('Warning. [id "1"] [tag "a"] [tag "b"]'), {
    text: 'Warning.',
    id: '1',
    message: undefined,
    tags: ['a', 'b'],
  });
  assert.equal(parseMessage('Warning. [data " [id \\"7\\"]"] [id "2"]').id, '2');
  assert.throws(() => parseAuditTime('22/Foo/2026:04:03:44 +0000'));
});
