import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseVirtualService } from './parse.ts';

const parse = (spec: object) =>
  parseVirtualService(
    { apiVersion: 'networking.istio.io/v1', kind: 'VirtualService', metadata: { name: 'v', namespace: 'shop' }, spec },
    'cluster.local',
  );
const toDb = { route: [{ destination: { host: 'db' } }] };
const http = (route: object) => ({ hosts: ['db'], http: [route] });
const match = (wanted: object) => http({ ...toDb, match: [wanted] });

test('short names are services of its own namespace, bare gateways too', () => {
  const parsed = parse({ hosts: ['db', 'Example.COM'], gateways: ['front', 'edge/main', 'mesh'], http: [toDb] });
  assert.deepEqual(parsed.hosts, ['db.shop.svc.cluster.local', 'example.com']);
  assert.deepEqual(parsed.gateways, ['shop/front', 'edge/main', 'mesh']);
  const [route] = parsed.http;
  assert.ok(route?.action.kind === 'forward');
  assert.deepEqual(route.action.destinations[0]?.destination, { host: 'db.shop.svc.cluster.local', subset: '' });
  assert.deepEqual(parse({ hosts: ['db'], http: [toDb] }).gateways, ['mesh']);
  assert.deepEqual(parse({ hosts: ['203.0.113.7'], http: [toDb] }).hosts, ['203.0.113.7'], 'clients may ask for an address');
});

test('what is not served, or does not fit, is refused with its path', () => {
  const cases: [object, RegExp][] = [
    // Not yet.
    [{ ...http(toDb), tls: [{}] }, /^spec\.tls: not yet/],
    [http({ ...toDb, fault: { abort: {} } }), /^spec\.http\[0\]\.fault: not yet/],
    [http({ ...toDb, mirror: { host: 'x' } }), /^spec\.http\[0\]\.mirror: not yet/],
    [http({ ...toDb, corsPolicy: {} }), /^spec\.http\[0\]\.corsPolicy: not yet/],
    [http({ delegate: { name: 'x' } }), /^spec\.http\[0\]\.delegate: not yet/],
    [http({ ...toDb, retries: { attempts: 3 } }), /^spec\.http\[0\]\.retries: not yet/],
    [match({ statPrefix: 'x' }), /^spec\.http\[0\]\.match\[0\]\.statPrefix: not yet/],
    [{ ...http(toDb), exportTo: ['other'] }, /^spec\.exportTo\[0\]: .*not yet/],
    [
      { hosts: ['db'], tcp: [{ ...toDb, match: [{ destinationSubnets: ['10.0.0.0/8'] }] }] },
      /^spec\.tcp\[0\]\.match\[0\]\.destinationSubnets: not yet/,
    ],
    [
      http({ route: [{ destination: { host: 'db' }, headers: { request: { set: { who: '%DOWNSTREAM_PEER%' } } } }] }),
      /headers\.request\.set\[who\]: .*not yet/,
    ],
    // Wrong.
    [http({ ...toDb, timeuot: '5s' }), /^spec\.http\[0\]\.timeuot: unknown field/],
    [{ hosts: [], http: [toDb] }, /^spec\.hosts: missing/],
    [{ hosts: ['*'], http: [toDb] }, /^spec\.hosts\[0\]: "\*" is only for gateways/],
    [{ hosts: ['db'] }, /^spec: it needs http or tcp/],
    [{ hosts: ['db', 'db.shop.svc.cluster.local'], http: [toDb] }, /^spec\.hosts: .*twice/],
    [{ hosts: ['db/x'], http: [toDb] }, /^spec\.hosts\[0\]: "db\/x" is no host/],
    [http({}), /^spec\.http\[0\]: found none of route/],
    [http({ ...toDb, redirect: {} }), /^spec\.http\[0\]: found route and redirect/],
    [http({ route: [] }), /^spec\.http\[0\]\.route: missing/],
    [http({ route: [{ destination: { host: 'a' }, weight: 0 }, { destination: { host: 'b' } }] }), /all weights are 0/],
    [http({ route: [{ destination: { host: 'db', port: { number: 70000 } } }] }), /destination\.port\.number: found 70000/],
    [http({ ...toDb, timeout: 'soon' }), /^spec\.http\[0\]\.timeout: found "soon"/],
    [http({ ...toDb, timeout: '0s' }), /^spec\.http\[0\]\.timeout: found "0s"/],
    [match({ uri: { exact: '/a', prefix: '/b' } }), /match\[0\]\.uri: found 2 of/],
    [match({ uri: { regex: '(' } }), /match\[0\]\.uri\.regex: .*no regular expression/],
    [match({ uri: { regex: 'a'.repeat(1025) } }), /match\[0\]\.uri\.regex: has 1025/],
    [match({ uri: { regex: '(?=a)' } }), /match\[0\]\.uri\.regex: looks ahead/],
    [match({ uri: { regex: '(a)\\1' } }), /match\[0\]\.uri\.regex: refers back/],
    [match({ uri: { regex: '/a\\q' } }), /match\[0\]\.uri\.regex: "\\q" means nothing/],
    [match({ uri: { regex: '\\\\\\x4' } }), /match\[0\]\.uri\.regex: "\\x" means nothing/],
    [match({ headers: { a: [] } }), /match\[0\]\.headers\[a\]: found a list/],
    [match({ headers: { 'a b': {} } }), /match\[0\]\.headers\[a b\]: expected the name/],
    [http({ ...toDb, headers: { request: { set: { 'x-a': 'b\r\nevil: 1' } } } }), /headers\.request\.set\[x-a\]: expected a text/],
    [http({ ...toDb, rewrite: { uri: '/x HTTP/1.1\r\n' } }), /rewrite\.uri: expected a text/],
    [http({ ...toDb, rewrite: { authority: 'a\u010a' } }), /rewrite\.authority: expected a text/],
    [http({ ...toDb, rewrite: { uriRegexRewrite: { match: 'a', rewrite: '\n' } } }), /uriRegexRewrite\.rewrite: expected a text/],
    [http({ redirect: { uri: '/\n' } }), /redirect\.uri: expected a text/],
    [http({ ...toDb, headers: { request: { remove: ['host'] } } }), /headers\.request\.remove\[host\]: use rewrite\.authority/],
    [http({ directResponse: { status: 99 } }), /directResponse\.status: found 99/],
    [http({ redirect: { uri: '/', redirectCode: 200 } }), /redirect\.redirectCode: found 200/],
    [http({ redirect: {} }), /^spec\.http\[0\]\.redirect: leads nowhere/],
    [http({ ...toDb, rewrite: {} }), /^spec\.http\[0\]\.rewrite: says nothing/],
    [http({ ...toDb, rewrite: { uriRegexRewrite: { match: 'a' } } }), /uriRegexRewrite\.rewrite: found nothing/],
    [http({ directResponse: { status: 200, body: { string: 'x'.repeat(2 ** 20 + 1) } } }), /directResponse\.body: has 1048577 bytes/],
    [http({ ...toDb, headers: { request: { set: { ':authority': 'x' } } } }), /set\[:authority\]: use rewrite\.authority/],
    [http({ route: [{ destination: { host: 'db', subset: 'v_1' } }] }), /destination\.subset: "v_1"/],
    [http({ route: [{ destination: { host: '10.0.0.1' } }] }), /destination\.host: "10\.0\.0\.1" is no host/],
    [match({ sourceNamespace: 'a.b' }), /sourceNamespace: "a\.b" is no namespace/],
    [match({ sourceLabels: { app: 'a b' } }), /sourceLabels\[app\]: found "a b"/],
    [match({ sourceLabels: { 'a b': 'c' } }), /sourceLabels\[a b\]: "a b" is no label’s name/],
    [{ ...http(toDb), hosts: ['*.a.example', '*.example'] }, /^spec\.hosts: "\*\.a\.example" .*a wildcard beside it covers it/],
    [{ ...http(toDb), hosts: ['a..example'] }, /^spec\.hosts\[0\]: "a\.\.example" is no host/],
    [{ ...http(toDb), hosts: ['a_b.example'] }, /^spec\.hosts\[0\]: "a_b\.example" is no host/],
    [{ ...http(toDb), hosts: ['a.300'] }, /^spec\.hosts\[0\]: "a\.300" is no host/],
    [{ ...http(toDb), gateways: ['-a'] }, /^spec\.gateways\[0\]: "-a"/],
    [{ ...http(toDb), gateways: ['a/b/c'] }, /^spec\.gateways\[0\]: "a\/b\/c"/],
    [{ ...http(toDb), exportTo: ['.', '*'] }, /^spec\.exportTo: found \. and \*, expected one/],
  ];
  for (const [spec, message] of cases) assert.throws(() => parse(spec), { name: 'MeshError', message }, JSON.stringify(spec));
});

test('durations are Go’s', () => {
  const timeout = (text: string) => {
    const { action } = parse(http({ ...toDb, timeout: text })).http[0]!;
    return action.kind === 'forward' ? action.timeoutMs : undefined;
  };
  assert.deepEqual(['5s', '250ms', '1m30s', '0.5s', '1h'].map(timeout), [5000, 250, 90_000, 500, 3_600_000]);
});
