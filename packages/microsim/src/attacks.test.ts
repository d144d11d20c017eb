import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attackUrl, identifyBlocker, judgeAnswer } from './attacks.ts';
import { detectAttacks } from './detect.ts';
import { refuseAddress } from './reachable.ts';

test('each attack is the original query and is detected as itself alone', () => {
  const query = 'http://db:8080/?username=joe%40example.com&password=';
  const rows = [
    ['SQLi', '%3BUNION+SELECT+1%2C+version%28%29+limit+1%2C1--'],
    ['XSS', 'pwd%3Cscript%3Ealert%28%27attacked%27%29%3C%2Fscript%3E'],
    ['Directory Traversal', '..%2F..%2F..%2F..%2F..%2Fpasswd'],
  ] as const;
  for (const [kind, password] of rows) {
    const url = attackUrl(kind, 'http://db:8080');
    assert.equal(url, query + password);
    assert.deepEqual(detectAttacks(url.slice('http://db:8080'.length)), [kind]);
  }
  assert.deepEqual(detectAttacks('/'), []);
  assert.deepEqual(detectAttacks('/%zz?union+select'), []);
});

test('answers', () => {
  assert.deepEqual([200, 404, 302, 401, 403, 502, 503].map(judgeAnswer), [
    'landed',
    'landed',
    'landed',
    'blocked',
    'blocked',
    'failed',
    'failed',
  ]);
  assert.equal(identifyBlocker(new Map([['server', 'Apache/2.4']]), '<html>'), 'Apache');
  assert.equal(identifyBlocker(new Map([['server', 'istio-envoy']]), 'RBAC: access denied'), 'RBAC (istio-envoy)');
  assert.equal(identifyBlocker(new Map(), ''), 'unknown');
});

test('addresses: a pod reaches private and documentation ranges, a plain process loopback', () => {
  const rows: [string, boolean, boolean][] = [
    ['127.0.0.1', true, true],
    ['::1', true, true],
    ['10.244.1.5', true, false],
    ['fd00:244::1', true, false],
    ['203.0.113.9', true, false],
    ['169.254.169.254', true, false],
    ['8.8.8.8', false, false],
    ['2a00:1450::1', false, false],
    ['::ffff:8.8.8.8', false, false],
    ['localhost', false, false],
  ];
  for (const [address, inPod, outside] of rows) {
    assert.equal(refuseAddress(address, 'cluster') === undefined, inPod, address);
    assert.equal(refuseAddress(address, 'loopback') === undefined, outside, address);
  }
  assert.equal(refuseAddress('8.8.8.8', 'any'), undefined);
});
