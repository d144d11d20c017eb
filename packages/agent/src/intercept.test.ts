import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readCapture, renderInterception, renderWafInterception } from './intercept.ts';

const chain = (text: string, name: string) =>
  text
    .slice(text.indexOf(`chain ${name}`))
    .split('}\n  }')[0]!
    .split('\n')
    .map((line) => line.trim());

test('everything TCP is redirected in both directions; the proxy’s own user, group and marked addresses are not', () => {
  const output = chain(renderInterception(readCapture({})), 'output');
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
    renderInterception(readCapture({})),
    /tcp dport \{ 15008, 15020, 15021, 15090 \} return\n {4}meta l4proto tcp redirect to :15006/,
  );
});

test('exclusions stand before the redirection', () => {
  const text = renderInterception(
    readCapture({
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
    { EXCLUDE_OUTBOUND_IP_RANGES: '10.0.0.0/33' },
    { EXCLUDE_OUTBOUND_IP_RANGES: '10.0.0.256/8' },
    { INCLUDE_OUTBOUND_IP_RANGES: 'fe80::1%eth0/64' },
  ])
    assert.throws(() => readCapture(env), /expected/);
});

test('what is included: ports listed only, none, and outbound ports wherever they go', () => {
  const rules = (env: Record<string, string>) => renderInterception(readCapture(env));
  assert.match(rules({ INCLUDE_INBOUND_PORTS: '8080, 9090' }), /tcp dport \{ 8080, 9090 \} redirect to :15006\n {2}\}/);
  // Istio: what is excluded counts only beside `*`.
  assert.doesNotMatch(rules({ INCLUDE_INBOUND_PORTS: '8080', EXCLUDE_INBOUND_PORTS: '8080' }), /8080 \} return/);
  assert.doesNotMatch(chain(rules({ INCLUDE_INBOUND_PORTS: '' }), 'prerouting').join('\n'), /15006/);
  const ranges = chain(rules({ INCLUDE_OUTBOUND_IP_RANGES: '10.0.0.0/8', INCLUDE_OUTBOUND_PORTS: '443' }), 'output').filter((line) =>
    /:15001/.test(line),
  );
  assert.deepEqual(ranges, ['tcp dport { 443 } redirect to :15001', 'ip daddr 10.0.0.0/8 meta l4proto tcp redirect to :15001']);
  assert.doesNotMatch(rules({ INCLUDE_OUTBOUND_IP_RANGES: '' }), /:15001/);
  assert.equal(rules({ EXCLUDE_INTERFACES: 'net1' }).match(/[io]ifname "net1" return/g)?.length, 2);
  assert.throws(() => readCapture({ EXCLUDE_INTERFACES: 'a" accept' }), /expected the name of an interface/);
});

test('the WAF’s port: from outside after the mesh’s rules, from inside before them, never its own connections', () => {
  const text = renderWafInterception({ WAF_APP_PORT: '8080', WAF_PORT: '15088', WAF_USER: '1338' });
  assert.match(text, /output priority -101;\n {4}meta skuid 1338 return\n {4}oifname "lo" tcp dport 8080 redirect to :15088/);
  assert.match(text, /prerouting priority -99;\n {4}tcp dport 8080 redirect to :15088/);
  assert.throws(() => renderWafInterception({ WAF_APP_PORT: '80 accept', WAF_PORT: '1', WAF_USER: '1' }), /WAF_APP_PORT/);
});
