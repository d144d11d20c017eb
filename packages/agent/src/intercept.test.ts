import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readExclusions, renderInterception } from './intercept.ts';

const chain = (text: string, name: string) =>
  text
    .slice(text.indexOf(`chain ${name}`))
    .split('}\n  }')[0]!
    .split('\n')
    .map((line) => line.trim());

test('everything TCP is redirected in both directions; the proxy’s own user, group and marked addresses are not', () => {
  const output = chain(renderInterception(readExclusions({})), 'output');
  const redirect = output.indexOf('meta l4proto tcp redirect to :15001');
  assert.ok(redirect > 0);
  for (const exempt of [
    'meta skuid 1337 return',
    'meta skgid 1337 return',
    'oifname "lo" ip saddr 127.0.0.6 return',
    'oifname "lo" ip6 saddr ::6 return',
  ])
    assert.ok(output.indexOf(exempt) > 0 && output.indexOf(exempt) < redirect, exempt);
  assert.match(
    renderInterception(readExclusions({})),
    /tcp dport \{ 15008, 15020, 15021, 15090 \} return\n {4}meta l4proto tcp redirect to :15006/,
  );
});

test('exclusions stand before the redirection', () => {
  const text = renderInterception(
    readExclusions({
      EXCLUDE_INBOUND_PORTS: '9000, 9001',
      EXCLUDE_OUTBOUND_PORTS: '443',
      EXCLUDE_OUTBOUND_IP_RANGES: '10.0.0.0/8,fd00::/8',
    }),
  );
  assert.match(text, /15090, 9000, 9001 \} return/);
  assert.match(
    text,
    /tcp dport \{ 443 \} return\n {4}ip daddr 10\.0\.0\.0\/8 return\n {4}ip6 daddr fd00::\/8 return\n {4}meta l4proto tcp redirect to :15001/,
  );
});

test('a word that is no port or range is refused: it could be a rule', () => {
  for (const env of [
    { EXCLUDE_INBOUND_PORTS: '80 } return; tcp dport { 1' },
    { EXCLUDE_OUTBOUND_PORTS: '70000' },
    { EXCLUDE_OUTBOUND_IP_RANGES: '10.0.0.0/8 accept' },
  ])
    assert.throws(() => readExclusions(env), /expected/);
});
