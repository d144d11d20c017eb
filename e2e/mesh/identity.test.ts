/** Tokens by key sets from a URL: fetched by the control plane within its limits, fail closed, refreshed. Then the root changes under load. */
import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import type { TestCluster } from '../harness.ts';
import { client, configureMesh, createNamespace, curl, dataPlanes, echoServer, service, settles, startMesh, workload } from './kit.ts';

const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const jwks = JSON.stringify({ keys: [{ ...keys.publicKey.export({ format: 'jwk' }), kid: 'one', alg: 'ES256' }] });
const issuer = 'https://issuer.test';
const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

function token(claims: object = {}): string {
  const text = `${encode({ alg: 'ES256', kid: 'one' })}.${encode({ iss: issuer, sub: 'alice', exp: 4_000_000_000, ...claims })}`;
  const signature = sign('sha256', Buffer.from(text), { key: keys.privateKey, dsaEncoding: 'ieee-p1363' });
  return `${text}.${signature.toString('base64url')}`;
}

const keyServer = `{name: c, image: "node:24", command: [node, -e, 'require("http").createServer((q,r)=>r.end(process.env.KEYS)).listen(8080)'], env: [{name: KEYS, value: '${jwks}'}]}`;
const manifests = [
  workload('shop', 'orders', { container: echoServer(8080) }),
  workload('shop', 'web', { container: client }),
  workload('idp', 'keys', { container: keyServer }),
  service('shop', 'orders', '{name: http, port: 80, targetPort: 8080}'),
  service('idp', 'keys', '{name: http, port: 80, targetPort: 8080}'),
].join('---\n');
const security = (kind: string, spec: object) =>
  JSON.stringify({ apiVersion: 'security.istio.io/v1', kind, metadata: { name: 'orders', namespace: 'shop' }, spec });
const authentication = (jwksUri: string) => security('RequestAuthentication', { jwtRules: [{ issuer, jwksUri }] });
const authorization = security('AuthorizationPolicy', { rules: [{ from: [{ source: { requestPrincipals: [`${issuer}/alice`] } }] }] });

for (const { name: mesh, skip } of dataPlanes) {
  describe(`key sets by URL with the data plane ${mesh}`, { skip, timeout: 600_000 }, () => {
    let cluster: TestCluster;
    before(async () => {
      cluster = await startMesh(mesh);
      await createNamespace(cluster, 'shop', 'istio-injection=enabled');
      await createNamespace(cluster, 'idp');
      await cluster.apply(manifests);
      for (const name of ['orders', 'web'])
        await cluster.kubectlOk('rollout', 'status', '-n', 'shop', `deployment/${name}`, '--timeout=120s');
      await cluster.kubectlOk('rollout', 'status', '-n', 'idp', 'deployment/keys', '--timeout=60s');
    });
    after(() => cluster?.stop());

    const request = (bearer?: string) =>
      curl(
        cluster,
        ['-n', 'shop', 'deploy/web'],
        ...(bearer === undefined ? [] : ['-H', `Authorization: Bearer ${bearer}`]),
        'http://orders/',
      );
    const istiodLog = () => cluster.kubectlOk('logs', '-n', 'istio-system', 'deploy/istiod');

    test('an inner address that the operator has not allowed is not asked: tokens are refused, the log says why', async () => {
      await settles('control: without policies a token is nobody’s business', /^GET \/ 200$/, () => request('nonsense'));
      await cluster.apply(authentication('http://keys.idp.svc.cluster.local/jwks'));
      await settles('a good token', / 401$/, () => request(token()));
      assert.match(await request(), /^GET \/ 200$/);
      assert.match(await istiodLog(), /key set http:\/\/keys\.idp\S*: \S+ is not public and not among the allowed networks/);
    });

    test('allowed: the key set is fetched, good tokens pass, bad ones do not', async () => {
      await configureMesh(cluster, 'palisade: {jwksNetworks: [10.96.0.0/12]}\n');
      await settles('a good token', /^GET \/ 200$/, () => request(token()));
      const [head, body] = token().split('.');
      for (const [what, bad] of [
        ['expired', token({ exp: 1_000_000_000 })],
        ['another issuer', token({ iss: 'https://other.test' })],
        ['claims changed', `${head}.${encode({ iss: issuer, sub: 'admin', exp: 4_000_000_000 })}.${token().split('.')[2]}`],
        ['no signature', `${encode({ alg: 'none' })}.${body}.`],
      ] as const)
        assert.match(await request(bad), / 401$/, what);
    });

    test('the principal of a token decides', async () => {
      await cluster.apply(authorization);
      await settles('without token', /^RBAC: access denied 403$/, () => request());
      assert.match(await request(token()), /^GET \/ 200$/);
      assert.match(await request(token({ sub: 'bob' })), /^RBAC: access denied 403$/);
    });

    test('the metadata service is never asked, allowed or not; a URL that cannot be had refuses its issuer’s tokens', async () => {
      await configureMesh(cluster, 'palisade: {jwksNetworks: [10.96.0.0/12, 169.254.0.0/16]}\n');
      await cluster.apply(authentication('http://169.254.169.254/jwks'));
      await settles('a good token', / 401$/, () => request(token()));
      assert.match(await istiodLog(), /169\.254\.169\.254 is this host’s, link-local or reserved; its issuer’s tokens are refused/);
    });

    test('the root is rotated under load: no request is lost, and pods from before and after talk to each other', async () => {
      await cluster.kubectlOk('delete', 'requestauthentication,authorizationpolicy', '-n', 'shop', '--all');
      const strict = {
        ...JSON.parse(security('PeerAuthentication', { mtls: { mode: 'STRICT' } })),
        metadata: { name: 'default', namespace: 'shop' },
      };
      await cluster.apply(JSON.stringify(strict));
      await configureMesh(cluster, 'palisade: {caDistribution: 10s}\n');
      const plain = () => curl(cluster, ['-n', 'idp', 'deploy/keys'], 'http://orders.shop/');
      await settles('control: without a certificate nobody is answered', /^ 000$/, plain);
      await settles('with one', /^GET \/ 200$/, () => request());
      const load = cluster.kubectl(
        ...['exec', '-n', 'shop', 'deploy/web', '-c', 'c', '--', 'sh', '-c'],
        // Each over a connection of its own.
        `curl -s -m 5 --rate 20/s -H "Connection: close" -o /dev/null -w '%{http_code}\\n' 'http://orders/[1-250]' | sort | uniq -c`,
      );
      await cluster.kubectlOk('annotate', 'secret', 'istio-ca-secret', '-n', 'istio-system', 'palisade.dev/rotate=now');
      const bundle = async () =>
        JSON.parse(
          await cluster.kubectlOk('get', 'configmap', 'istio-ca-bundle', '-n', 'istio-system', '-o', 'jsonpath={.data.bundle\\.json}'),
        ) as {
          signing: string;
          roots: { fingerprint: string; retiredAt?: string }[];
        };
      const first = (await bundle()).signing;
      await settles('two roots are trusted', /^2$/, async () => String((await bundle()).roots.length));
      await settles('the new one signs', /^true$/, async () => String((await bundle()).signing !== first));
      assert.match((await load).stdout, /^\s*250 200\s*$/, 'every one of 250 requests was answered');
      await cluster.kubectlOk('rollout', 'restart', '-n', 'shop', 'deployment/orders');
      await cluster.kubectlOk('rollout', 'status', '-n', 'shop', 'deployment/orders', '--timeout=120s');
      await settles('an old client, a server under the new root', /^GET \/ 200$/, () => request());
      assert.match(await plain(), /^ 000$/);
    });
  });
}
