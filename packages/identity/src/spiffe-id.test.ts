import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatWorkloadId, parseWorkloadId } from './spiffe-id.ts';
import { expandPrincipal, expandTrustDomain, isTrustedDomain } from './trust-domain.ts';

const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?$/);

test('parse and format are each other’s inverse', () => {
  fc.assert(
    fc.property(fc.record({ trustDomain: label, namespace: label, serviceAccount: label }, { noNullPrototype: true }), (id) => {
      assert.deepEqual(parseWorkloadId(formatWorkloadId(id)), id);
    }),
  );
});

test('refused ids', () => {
  const good = 'spiffe://cluster.local/ns/default/sa/db';
  assert.equal(parseWorkloadId(good).serviceAccount, 'db');
  for (const bad of [
    '',
    'spiffe://',
    'SPIFFE://cluster.local/ns/default/sa/db',
    'spiffe://Cluster.local/ns/default/sa/db',
    'spiffe://cluster.local:80/ns/default/sa/db',
    'spiffe://cluster.local/ns/default/sa/db/',
    'spiffe://cluster.local/ns/default/sa/',
    'spiffe://cluster.local/ns/../sa/db',
    'spiffe://cluster.local/ns/default/sa/d%62',
    'spiffe://cluster.local/ns/default/sa/db?x',
    'spiffe://cluster.local/ns/default/sa/db\n',
    'spiffe://cluster.local/ns/default/sa/db\0.evil',
    'spiffe://a@cluster.local/ns/default/sa/db',
    'https://cluster.local/ns/default/sa/db',
    `spiffe://cluster.local/ns/default/sa/${'a'.repeat(300)}`,
  ]) {
    assert.throws(() => parseWorkloadId(bad), { code: 'bad-spiffe-id' }, JSON.stringify(bad));
  }
  assert.throws(() => formatWorkloadId({ trustDomain: 'a', namespace: 'b/c', serviceAccount: 'd' }));
});

test('principals over trust domains', () => {
  const domains = { local: 'td1', aliases: ['old', 'cluster.local'] };
  const rows: [string, string[]][] = [
    ['td1/ns/a/sa/b', ['td1/ns/a/sa/b', 'old/ns/a/sa/b', 'cluster.local/ns/a/sa/b']],
    ['old/ns/a/sa/b', ['td1/ns/a/sa/b', 'old/ns/a/sa/b', 'cluster.local/ns/a/sa/b']],
    ['other/ns/a/sa/b', ['other/ns/a/sa/b']],
    ['*', ['*']],
    ['*/ns/a/sa/b', ['*/ns/a/sa/b']],
    ['*sa/b', ['*sa/b']],
    ['td1/ns/*', ['td1/ns/*']],
    ['*1/ns/a/sa/b', ['*1/ns/a/sa/b', 'old/ns/a/sa/b', 'cluster.local/ns/a/sa/b']],
    ['ol*/ns/a/sa/b', ['td1/ns/a/sa/b', 'old/ns/a/sa/b', 'cluster.local/ns/a/sa/b']],
    ['x*/ns/a/sa/b', ['x*/ns/a/sa/b']],
  ];
  for (const [principal, expected] of rows) assert.deepEqual(expandPrincipal(principal, domains), expected, principal);
  assert.deepEqual(expandPrincipal('cluster.local/ns/a/sa/b', { local: 'td1', aliases: [] }), ['td1/ns/a/sa/b']);
  assert.deepEqual(expandPrincipal('*.local/ns/a/sa/b', { local: 'td1', aliases: [] }), ['*.local/ns/a/sa/b'], 'no domain of ours');
  assert.deepEqual(expandTrustDomain('old', domains), ['td1', 'old', 'cluster.local']);
  for (const other of ['x', '*', 'ol*']) assert.deepEqual(expandTrustDomain(other, domains), [other]);
  assert.deepEqual(
    ['td1', 'old', 'TD1', 'x'].map((domain) => isTrustedDomain(domain, domains)),
    [true, true, false, false],
  );
});
