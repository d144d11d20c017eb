/** VirtualService, Gateway and the ingress gateway on the embedded cluster, from inside and from the host's loopback. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { Agent, request as httpsRequest, type RequestOptions } from 'node:https';
import { after, before, describe, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { checkRequest, createAuthority, createKeyAndRequest, type SigningEdges, signServer, signWorkload } from '@palisade/identity';
import { conformanceData, eventually, type TestCluster } from '../harness.ts';
import { client, createNamespace, curl, dataPlanes, echoServer, service, settles, startMesh, workload } from './kit.ts';

const istioDefinitions = conformanceData('istio/crds/crd-all.gen.yaml');

/** Answers with its version, what it was asked, and two headers as it got them. */
const versioned = (version: string) =>
  `{name: c, image: "node:24", command: [node, -e, 'const n=(h)=>h??"-";require("http").createServer((q,r)=>setTimeout(()=>r.end("${version} "+q.method+" "+q.url+" "+n(q.headers["x-added"])+" "+n(q.headers["x-forwarded-client-cert"]).replace(/Hash=[^;]*/,"")+"\\n"),q.url.startsWith("/slow")?2000:0)).listen(9080);require("net").createServer((s)=>s.end("${version} bytes\\n")).listen(7000)']}`;
const reviews = (version: string) =>
  workload('shop', `reviews-${version}`, { container: versioned(version) }).replaceAll(
    `{app: reviews-${version}}`,
    `{app: reviews, version: ${version}}`,
  );
const shop = [
  reviews('v1'),
  reviews('v2'),
  workload('shop', 'web', { container: client }),
  workload('shop', 'www', { container: echoServer(8080) }),
  service('shop', 'reviews', '{name: http, port: 9080}', '{name: tcp-raw, port: 7000}'),
  service('shop', 'www', '{name: http, port: 8080}'),
].join('---\n');

const object = (kind: string, name: string, spec: object, namespace = 'shop') =>
  JSON.stringify({ apiVersion: 'networking.istio.io/v1', kind, metadata: { name, namespace }, spec });
const list = (...items: string[]) => items.join('\n');
const to = (host: string, subset?: string) => ({ destination: { host, ...(subset === undefined ? {} : { subset }) } });
const subsets = object('DestinationRule', 'reviews', {
  host: 'reviews',
  subsets: ['v1', 'v2'].map((name) => ({ name, labels: { version: name } })),
});
const edges: SigningEdges = { now: () => new Date(), randomBytes: (size) => randomBytes(size) };
const httpServer = (hosts: string[]) => ({ port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts });
const httpsServer = (hosts: string[], credentialName: string, mode = 'SIMPLE') => ({
  port: { number: 443, name: `https-${credentialName}`, protocol: 'HTTPS' },
  hosts,
  tls: { mode, credentialName },
});
const gateway = (...servers: object[]) => object('Gateway', 'front', { selector: { istio: 'ingressgateway' }, servers });
const front = (hosts: string[], http: object[]) => object('VirtualService', 'front', { hosts, gateways: ['front'], http });
const secret = (name: string, data: Readonly<Record<string, string>>) =>
  JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: 'istio-system' }, type: 'Opaque', stringData: data });

for (const { name: mesh, skip } of dataPlanes) {
  describe(`routing and ingress with the data plane ${mesh}`, { skip, timeout: 360_000 }, () => {
    let cluster: TestCluster;
    let address = '';
    before(async () => {
      cluster = await startMesh(mesh);
      await createNamespace(cluster, 'shop', 'istio-injection=enabled');
      await cluster.apply(shop);
      for (const name of ['reviews-v1', 'reviews-v2', 'web', 'www'])
        await cluster.kubectlOk('rollout', 'status', '-n', 'shop', `deployment/${name}`, '--timeout=120s');
    });
    after(() => cluster?.stop());

    const web = (...args: string[]) => curl(cluster, ['-n', 'shop', 'deploy/web'], ...args);
    /** `STATUS BODY`, or the error's code. */
    const visit = (host: string, path = '/', tls?: RequestOptions): Promise<string> =>
      new Promise((resolve) => {
        const options = {
          host: address,
          path,
          headers: { host, 'x-forwarded-client-cert': 'forged' },
          timeout: 5000,
          agent: false as const,
        };
        const take = (answer: import('node:http').IncomingMessage) => {
          let body = '';
          answer.setEncoding('utf8').on('data', (text: string) => {
            body += text;
          });
          answer.on('end', () => resolve(`${answer.statusCode} ${body}${answer.headers.location ?? ''}`.trim()));
          answer.on('error', () => resolve('reset'));
        };
        const asked =
          tls === undefined
            ? httpRequest({ ...options, port: 80 }, take)
            : httpsRequest({ ...options, port: 443, servername: host, ...tls, agent: new Agent({ maxCachedSessions: 0 }) }, take);
        asked.on('timeout', () => asked.destroy());
        asked.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
        asked.end();
      });

    test('inside: by header to a subset, a rewrite, headers, a time limit; a subset nobody defined is 503', async () => {
      await settles('without routes both versions answer (control)', /^v1 .*v2 |^v2 .*v1 /, async () =>
        [
          await web('http://reviews:9080/'),
          await web('http://reviews:9080/'),
          await web('http://reviews:9080/'),
          await web('http://reviews:9080/'),
        ].join(' '),
      );
      await cluster.apply(
        list(
          subsets,
          object('VirtualService', 'reviews', {
            hosts: ['reviews'],
            http: [
              { match: [{ headers: { 'end-user': { exact: 'jason' } } }], route: [to('reviews', 'v2')] },
              { match: [{ uri: { prefix: '/old/' } }], rewrite: { uri: '/new/' }, route: [to('reviews', 'v1')] },
              { match: [{ uri: { prefix: '/slow' } }], timeout: '300ms', route: [to('reviews', 'v1')] },
              { match: [{ uri: { regex: '/gh[ao]st' } }], route: [to('reviews', 'v9')] },
              { match: [{ uri: { exact: '/nowhere' } }], route: [to('nobody')] },
              { match: [{ uri: { exact: '/tea' } }], directResponse: { status: 418, body: { string: 'short and stout' } } },
              { headers: { request: { set: { 'x-added': 'yes' } } }, route: [to('reviews', 'v1')] },
            ],
          }),
        ),
      );
      await settles('the rest goes to v1', /^v1 GET \/ yes .* 200$/, () => web('http://reviews:9080/'));
      assert.match(await web('-H', 'end-user: jason', 'http://reviews:9080/'), /^v2 GET \/ - .* 200$/);
      assert.match(await web('-H', 'end-user: eve', 'http://reviews.shop.svc.cluster.local:9080/'), /^v1 /);
      assert.match(await web('http://reviews:9080/old/7?q=1'), /^v1 GET \/new\/7\?q=1 /);
      assert.match(await web('http://reviews:9080/slow'), / 504$/);
      assert.match(await web('http://reviews:9080/ghost'), / 503$/);
      assert.match(await web('http://reviews:9080/nowhere'), / 503$/);
      assert.match(await web('http://reviews:9080/tea'), /^short and stout 418$/);
    });

    test('the command line follows the routes, and the proxy says whose they are', async () => {
      const explain = (...args: string[]) =>
        cluster.palisade('authz', 'explain', '--from', 'shop/web', '--to', 'reviews.shop:9080', '--live', ...args);
      const rows: [args: string[], said: RegExp, code: number][] = [
        [[], /^ALLOWED: .*\n {2}shop\/web-\S+ -> shop\/reviews-v1-\S+ .*\n {2}routed by VirtualService shop\/reviews spec\.http\[6\]/, 0],
        [['--header', 'end-user: jason'], /^ALLOWED: .*\n.* -> shop\/reviews-v2-\S+ .*\n.* spec\.http\[0\]/, 0],
        [['--path', '/old/7?q=1'], /-> shop\/reviews-v1-.*: GET \/new\/7\n.* spec\.http\[1\]/, 0],
        [['--path', '/ghost'], /^NOT SENT: reviews\.shop\.svc\.cluster\.local:9080 subset v9 does not exist \(503\)/, 1],
        [['--path', '/tea'], /^NOT SENT: the route answers itself \(418\)\n.*\n.* spec\.http\[5\]/, 1],
      ];
      for (const [args, said, code] of rows) {
        const { stdout, stderr, code: found } = await explain(...args);
        assert.match(stdout, said, stderr);
        assert.match(stdout, /live: \d{3}.*: agrees$/m);
        assert.equal(found, code, stdout);
      }
      const config = async (...args: string[]) => (await cluster.palisade('proxy-config', ...args, 'deploy/web', '-n', 'shop')).stdout;
      assert.match(await config('routes', '--name', '9080'), /^9080 +reviews\.shop\S+ .* \/old\/\* +reviews\.shop$/m);
      assert.match(await config('clusters', '--fqdn', 'reviews'), /^reviews\.shop\S+ +9080 +v2 +outbound +EDS +reviews\.shop$/m);
    });

    test('inside: TCP by port to a subset', async () => {
      const bytes = async () =>
        (await cluster.kubectl('exec', '-n', 'shop', 'deploy/web', '-c', 'c', '--', 'curl', '-s', '-m', '5', 'telnet://reviews:7000'))
          .stdout;
      await cluster.apply(
        object('VirtualService', 'reviews', { hosts: ['reviews'], tcp: [{ match: [{ port: 7000 }], route: [to('reviews', 'v2')] }] }),
      );
      const several = async () => [await bytes(), await bytes(), await bytes(), await bytes()].join('');
      await settles('only v2', /^(?:v2 bytes\n){4}$/, several);
      await cluster.kubectlOk('delete', 'virtualservice', '-n', 'shop', 'reviews');
      await settles('both again (control)', /v1 bytes/, several);
    });

    test('the gateway’s Service is Istio’s; without a Gateway nothing answers', async () => {
      await cluster.kubectlOk('rollout', 'status', '-n', 'istio-system', 'deployment/istio-ingressgateway', '--timeout=120s');
      const row = await cluster.kubectlOk('get', 'services', '-n', 'istio-system', 'istio-ingressgateway', '--no-headers');
      assert.match(row, /^istio-ingressgateway +LoadBalancer +\S+ +127\.77\.\S+ .*80:\d+\/TCP,443:\d+\/TCP/);
      address = /127\.77\.\d+\.\d+/.exec(row)![0];
      assert.doesNotMatch(await visit('a.example'), /^\d{3}/);
    });

    test('HTTP from the host: the host that both wrote, 404 for any other; a policy at the gateway holds', async () => {
      await cluster.apply(list(gateway(httpServer(['*.example'])), front(['a.example'], [{ route: [to('www')] }])));
      await settles('answered', /^200 GET \/x$/, () => visit('a.example', '/x'));
      assert.match(await visit('A.EXAMPLE:80'), /^200 /);
      assert.match(await visit('b.example'), /^404/);
      assert.match(await visit('other.test'), /^404/);
      await cluster.apply(
        JSON.stringify({
          apiVersion: 'security.istio.io/v1',
          kind: 'AuthorizationPolicy',
          metadata: { name: 'no-admin', namespace: 'istio-system' },
          spec: {
            selector: { matchLabels: { istio: 'ingressgateway' } },
            action: 'DENY',
            rules: [{ to: [{ operation: { paths: ['/admin*'] } }] }],
          },
        }),
      );
      await settles('denied', /^403 RBAC: access denied$/, () => visit('a.example', '/admin'));
      const explained: [to: string, path: string, said: RegExp, code: number][] = [
        [
          'a.example',
          '/x',
          /^ALLOWED: .*\n {2}outside \S+ -> istio-system\/istio-ingress.*\n.*\n.* -> shop\/www-.*\n.* shop\/front spec\.http\[0\]/,
          0,
        ],
        ['a.example', '/admin', /^DENIED: .* istio-system\/no-admin\n {2}outside /, 1],
        ['b.example', '/x', /^NOT SENT: no VirtualService .* \(404\)\n/, 1],
      ];
      for (const [to, path, said, code] of explained) {
        const found = await cluster.palisade('authz', 'explain', '--from', 'outside', '--to', to, '--path', path, '--live');
        assert.match(found.stdout, said, found.stderr);
        assert.match(found.stdout, /live: \d{3}.*: agrees$/m);
        assert.equal(found.code, code);
      }
      assert.match(await visit('a.example', '/x'), /^200 /);
      await cluster.kubectlOk('delete', 'authorizationpolicy', '-n', 'istio-system', 'no-admin');
      await settles('answered without it (control)', /^200 /, () => visit('a.example', '/admin'));
    });

    test('HTTPS: the named Secret, replaced while it serves; MUTUAL asks for a certificate; a missing Secret serves nobody', async () => {
      const { authority } = await createAuthority('test', edges);
      const other = await createAuthority('other', edges);
      const issue = async (name: string) => {
        const { certificatePem, privateKeyPem } = await signServer([name], authority, edges, 3600);
        return { certificatePem, privateKeyPem, data: { 'tls.crt': certificatePem, 'tls.key': privateKeyPem } };
      };
      const first = await issue('a.example');
      const showing = async (by: typeof authority) => {
        const id = { trustDomain: 'visitors', namespace: 'x', serviceAccount: 'v' };
        const { csrPem, privateKeyPem } = await createKeyAndRequest(id);
        return { cert: (await signWorkload(await checkRequest(csrPem, id), by, edges, 3600)).chainPem, key: privateKeyPem };
      };
      await cluster.apply(secret('cert-a', first.data));
      await cluster.apply(secret('cert-m', { ...(await issue('m.example')).data, 'ca.crt': authority.rootPem }));
      await cluster.apply(
        list(
          gateway(
            { ...httpServer(['a.example']), tls: { httpsRedirect: true } },
            httpsServer(['a.example'], 'cert-a'),
            httpsServer(['m.example'], 'cert-m', 'MUTUAL'),
            httpsServer(['ghost.example'], 'cert-ghost'),
          ),
          front(
            ['a.example', 'm.example', 'ghost.example'],
            [
              { match: [{ uri: { prefix: '/who' } }], route: [{ destination: { host: 'reviews', port: { number: 9080 } } }] },
              { route: [to('www')] },
            ],
          ),
        ),
      );
      const trusted = { ca: authority.rootPem };
      await settles('served', /^200 GET \/x$/, () => visit('a.example', '/x', trusted));
      assert.match(await visit('a.example', '/x'), /^301 https:\/\/a\.example\/x$/);
      assert.match(
        await visit('a.example', '/x', { ca: other.authority.rootPem }),
        /SELF_SIGNED|UNABLE/,
        'a client that trusts another authority (control)',
      );
      assert.match(await visit('b.example', '/', { ...trusted, rejectUnauthorized: false }), /^(?:ECONNRESET|EPIPE|ERR_SSL)/);
      // A name that another server offers is not to be had under this one's certificate.
      assert.match(await visit('m.example', '/', { ...trusted, servername: 'a.example' }), /^404/);
      assert.doesNotMatch(await visit('ghost.example', '/', { rejectUnauthorized: false }), /^\d{3}/);

      assert.doesNotMatch(await visit('m.example', '/who', trusted), /^\d{3}/, 'without a certificate');
      const visitor = await showing(authority);
      const seen =
        /^200 v\d GET \/who - .*URI=spiffe:\/\/visitors\/ns\/x\/sa\/v.*URI=spiffe:\/\/cluster\.local\/ns\/istio-system\/sa\/istio-ingressgateway-service-account$/;
      await settles('with one', seen, () => visit('m.example', '/who', { ...trusted, ...visitor }));
      assert.doesNotMatch(await visit('m.example', '/who', { ...trusted, ...visitor }), /forged/);
      const stranger = await showing(other.authority);
      assert.doesNotMatch(await visit('m.example', '/', { ...trusted, ...stranger }), /^\d{3}/, 'with a stranger’s');

      const fingerprint = () =>
        new Promise<string>((resolve, reject) => {
          const asked = httpsRequest(
            { host: address, port: 443, servername: 'a.example', agent: false, ...trusted, headers: { host: 'a.example' } },
            (answer) => {
              resolve((answer.socket as TLSSocket).getPeerCertificate().fingerprint256);
              answer.resume();
            },
          );
          asked.on('error', reject);
          asked.end();
        });
      const before = await fingerprint();
      await cluster.apply(secret('cert-a', (await issue('a.example')).data));
      await eventually('the new certificate', 20_000, async () => (await fingerprint()) !== before);
      await cluster.apply(secret('cert-ghost', (await issue('ghost.example')).data));
      await settles('the Secret that was missing', /^200 /, () => visit('ghost.example', '/', trusted));
    });

    test('what is not served is refused at admission, with its path', async () => {
      const refused = async (manifest: string, message: RegExp) => assert.rejects(cluster.apply(manifest), message);
      await refused(
        object('EnvoyFilter', 'x', {}).replace('/v1"', '/v1alpha3"'),
        /EnvoyFilter of networking\.istio\.io is not yet supported/,
      );
      await refused(
        object('VirtualService', 'x', { hosts: ['www'], http: [{ route: [to('www')], fault: {} }] }),
        /spec\.http\[0\]\.fault: not yet/,
      );
      await refused(
        object('Gateway', 'x', { selector: { a: 'b' }, servers: [{ port: { number: 1, name: 'x', protocol: 'TCP' }, hosts: ['*'] }] }),
        /port\.protocol: TCP is not yet/,
      );
    });

    test('the kinds explain themselves; a wrong field is refused by its name', async () => {
      const field = 'virtualservice.spec.http.route.destination.subset';
      assert.match(await cluster.kubectlOk('explain', field), /FIELD: subset <string>\s+DESCRIPTION:\s+A subset that a DestinationRule/);
      const wrong = front(['a.example'], [{ rout: [to('www')] }]);
      await assert.rejects(cluster.apply(wrong), /strict decoding error: unknown field "spec\.http\[0\]\.rout"/);
    });

    test('Istio’s own definitions may be applied over these', {
      skip: istioDefinitions.skip,
    }, async () => {
      await cluster.kubectlOk('apply', '--server-side', '--force-conflicts', '-f', istioDefinitions.path);
      await cluster.apply(
        front(['a.example'], [{ route: [{ destination: { host: 'www', port: { number: 8080 } } }] }]).replace('/v1"', '/v1alpha3"'),
      );
      assert.match(await cluster.kubectlOk('get', 'virtualservice', '-n', 'shop', '--no-headers'), /^front +\["front"\] +\["a\.example"\]/);
      await cluster.apply(gateway(httpServer(['*'])));
      await settles('still routed', /^200 GET \/again$/, () => visit('a.example', '/again'));
    });
  });
}
