import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseGateway } from './parse.ts';

const parse = (spec: object) =>
  parseGateway({ apiVersion: 'networking.istio.io/v1', kind: 'Gateway', metadata: { name: 'g', namespace: 'edge' }, spec });
const selector = { istio: 'ingressgateway' };
const port = { number: 443, name: 'https', protocol: 'HTTPS' };
const server = (rest: object) => ({ selector, servers: [{ port, hosts: ['*'], ...rest }] });
const tls = (rest: object) => server({ tls: { mode: 'SIMPLE', credentialName: 'c', ...rest } });

test('hosts with and without a namespace; seed 000’s HTTP2', () => {
  const { servers } = parse({
    selector,
    servers: [
      {
        port: { number: 80, name: 'http2', protocol: 'HTTP2' },
        hosts: ['*', './A.example', 'shop/*.b.example'],
        tls: { httpsRedirect: true },
      },
    ],
  });
  assert.deepEqual(servers[0]!.hosts, [
    { namespace: '*', host: '*' },
    { namespace: 'edge', host: 'a.example' },
    { namespace: 'shop', host: '*.b.example' },
  ]);
  assert.equal(servers[0]!.isRedirectedToHttps, true);
  assert.equal(servers[0]!.tls, undefined);
});

test('what is not served, or does not fit, is refused with its path', () => {
  const cases: [object, RegExp][] = [
    [{ servers: [] }, /^spec\.selector: missing/],
    [{ selector, servers: [] }, /^spec\.servers: missing/],
    [server({ tls: { mode: 'SIMPLE', credentialName: 'c' }, hosts: [] }), /servers\[0\]\.hosts: missing/],
    [server({}), /servers\[0\]\.tls: missing/],
    [server({ port: { ...port, protocol: 'TCP' } }), /port\.protocol: TCP is not yet/],
    [server({ port: { ...port, protocol: 'UDP' } }), /port\.protocol: found "UDP"/],
    [server({ port: { ...port, number: 0, protocol: 'HTTP' } }), /port\.number: found 0/],
    [server({ bind: '10.0.0.1' }), /servers\[0\]\.bind: not yet/],
    [tls({ mode: 'PASSTHROUGH' }), /tls\.mode: PASSTHROUGH is not yet/],
    [tls({ mode: 'ISTIO_MUTUAL' }), /tls\.mode: ISTIO_MUTUAL is not yet/],
    [tls({ mode: undefined }), /tls\.mode: PASSTHROUGH is not yet/],
    [tls({ serverCertificate: '/etc/x' }), /tls\.serverCertificate: not yet.*credentialName/],
    [tls({ cipherSuites: ['X'] }), /tls\.cipherSuites: not yet/],
    [tls({ credentialName: '' }), /tls\.credentialName: found ""/],
    [tls({ credentialName: 'kubernetes-gateway://other/secret' }), /tls\.credentialName: .*Secret in the gateway’s namespace/],
    [tls({ httpsRedirect: true }), /tls\.httpsRedirect: only a plain/],
    [tls({ subjectAltNames: ['a'] }), /tls\.subjectAltNames: only MUTUAL/],
    [tls({ minProtocolVersion: 'TLSV1_0' }), /tls\.minProtocolVersion: found "TLSV1_0"/],
    [tls({ minProtocolVersion: 'TLSV1_3', maxProtocolVersion: 'TLSV1_2' }), /is above/],
    [server({ port: { ...port, protocol: 'HTTP' }, tls: { mode: 'SIMPLE' } }), /tls\.mode: a server of protocol HTTP ends no TLS/],
    [server({ tls: { mode: 'SIMPLE', credentialName: 'c' }, hosts: ['a/b/c'] }), /hosts\[0\]: "a\/b\/c"/],
    [server({ tls: { mode: 'SIMPLE', credentialName: 'c' }, hosts: ['exa mple'] }), /hosts\[0\]: "exa mple" is no host/],
    [server({ tls: { mode: 'SIMPLE', credentialName: 'c' }, hosts: ['shop/www'] }), /hosts\[0\]: "shop\/www" is a short name/],
    [{ selector, servers: [...tls({}).servers, ...tls({}).servers] }, /servers\[1\]\.port\.name: "https" is another server’s too/],
    [{ ...tls({}), selector: { istio: 'a b' } }, /^spec\.selector\[istio\]: found "a b"/],
  ];
  for (const [spec, message] of cases) assert.throws(() => parse(spec), { name: 'MeshError', message }, JSON.stringify(spec));
});
