import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDestinationRule } from './destination-rule.ts';

const parse = (spec: object) =>
  parseDestinationRule(
    { apiVersion: 'networking.istio.io/v1', kind: 'DestinationRule', metadata: { name: 'd', namespace: 'shop' }, spec },
    'cluster.local',
  );
const simple = { tls: { mode: 'SIMPLE' } };

test('a short name is a service of its own namespace; subsets, settings by port', () => {
  const subsets = [{ name: 'v1', labels: { version: 'v1' } }, { name: 'V-2' }];
  const parsed = parse({
    host: 'Db',
    subsets,
    trafficPolicy: { portLevelSettings: [{ port: { number: 80 }, ...simple }] },
    exportTo: ['*'],
  });
  assert.equal(parsed.host, 'db.shop.svc.cluster.local');
  assert.deepEqual(
    parsed.subsets.map(({ name }) => name),
    ['v1', 'V-2'],
  );
  assert.equal(parsed.policy.ports.get(80)?.tls?.mode, 'SIMPLE');
  assert.equal(parse({ host: '*.example.com' }).host, '*.example.com');
});

test('what does not fit is refused with its path', () => {
  const rows: [object, RegExp][] = [
    [{ host: 'a b' }, /^spec\.host: "a b" is no host/],
    [{ host: 'a..b' }, /^spec\.host: "a\.\.b" is no host/],
    [{ host: '10.0.0.1' }, /^spec\.host: "10\.0\.0\.1" is no host/],
    [{ host: `${'a'.repeat(64)}.example` }, /^spec\.host: .* is no host/],
    [{ host: 'db', trafficPolicy: {} }, /^spec\.trafficPolicy: says nothing/],
    [{ host: 'db', trafficPolicy: { portLevelSettings: [] } }, /^spec\.trafficPolicy: says nothing/],
    [{ host: 'db', trafficPolicy: { portLevelSettings: [{ port: { number: 80 } }] } }, /portLevelSettings\[0\]: says nothing/],
    [{ host: 'db', trafficPolicy: { portLevelSettings: [simple] } }, /portLevelSettings\[0\]\.port\.number: found undefined/],
    [{ host: 'db', trafficPolicy: { tls: { mode: '' } } }, /^spec\.trafficPolicy\.tls\.mode: found ""/],
    [{ host: 'db', subsets: [{ name: 'v_1' }] }, /^spec\.subsets\[0\]\.name: "v_1"/],
    [{ host: 'db', subsets: [{ name: 'v1' }, { name: 'v1' }] }, /^spec\.subsets: "v1" stands there twice/],
    [{ host: 'db', subsets: [{ name: 'v1', labels: { version: 'v 1' } }] }, /^spec\.subsets\[0\]\.labels\[version\]: found "v 1"/],
    [{ host: 'db', exportTo: ['.'] }, /^spec\.exportTo: .*not yet/],
    [{ host: 'db', exportTo: ['other'] }, /^spec\.exportTo\[0\]: .*not yet/],
    [{ host: 'db', exportTo: ['*', '.'] }, /^spec\.exportTo: found \* and \., expected one/],
  ];
  for (const [spec, message] of rows) assert.throws(() => parse(spec), { name: 'MeshError', message }, JSON.stringify(spec));
});
