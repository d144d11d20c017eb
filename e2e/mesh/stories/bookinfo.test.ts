/** Seed 001: bookinfo, plain text on the wire, STRICT, deny-all, details-viewer. Each protection has its control; both data planes. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, examples, type TestCluster } from '../../harness.ts';
import { configureMesh, dataPlanes, settles, startMesh } from '../kit.ts';
import { type Capture, capturePackets, tlsRecord } from './capture.ts';

const file = (name: string) => `${examples}/bookinfo/${name}.yaml`;
const author = 'William Shakespeare';
const details = new RegExp(`^{"id":0,"author":"${author}".* 200$`);
const denied = /^RBAC: access denied 403$/;

for (const { name: mesh, skip } of dataPlanes) {
  describe(`seed 001, bookinfo, with the data plane ${mesh}`, { skip, timeout: 300_000 }, () => {
    let cluster: TestCluster;
    let capture: Capture;
    before(async () => {
      // The seed shows plain text between two sidecars before there is a policy.
      cluster = await startMesh(mesh, 'enableAutoMtls: false\n');
      await cluster.kubectlOk('label', 'namespace', 'default', 'istio-injection=enabled', 'palisade.dev/interception=redirect');
      await cluster.kubectlOk('apply', '-f', file('programs'), '-f', file('app'));
      await cluster.kubectlOk('create', 'namespace', 'outside');
      await cluster.kubectlOk('run', 'stranger', '-n', 'outside', '--image=curlimages/curl', '--command', '--', 'sleep', '100000');
      for (const name of ['details-v1', 'ratings-v1', 'reviews-v1', 'reviews-v2', 'reviews-v3', 'productpage-v1'])
        await cluster.kubectlOk('rollout', 'status', `deployment/${name}`, '--timeout=120s');
      await cluster.kubectlOk('wait', '-n', 'outside', '--for=condition=Ready', 'pod/stranger', '--timeout=60s');
      const pod = await cluster.kubectlOk('get', 'pods', '-l', 'app=details', '-o', 'jsonpath={.items[0].metadata.name}');
      capture = await capturePackets(cluster, 'default', pod);
    });
    after(async () => {
      capture?.stop();
      await cluster?.stop();
    });

    const curlFrom = async (pod: readonly string[], ...args: string[]) => {
      const result = await cluster.kubectl('exec', ...pod, '--', 'curl', '-s', '-m', '5', '-w', ' %{http_code}', ...args);
      return result.stdout.replaceAll('\n', '');
    };
    const productpage = (...args: string[]) => curlFrom(['deploy/productpage-v1', '-c', 'productpage'], ...args);
    const reviews = (...args: string[]) => curlFrom(['deploy/reviews-v1', '-c', 'reviews'], ...args);
    const stranger = (...args: string[]) => curlFrom(['-n', 'outside', 'stranger'], ...args);
    const explain = async (from: string, ...args: string[]) =>
      cluster.palisade('authz', 'explain', '--from', from, '--to', 'details:9080', '--live', ...args);

    /** A port that no Service and no container names. */
    const undeclared = async () => {
      const address = await cluster.kubectlOk('get', 'pods', '-l', 'app=details', '-o', 'jsonpath={.items[0].status.podIP}');
      return `http://${address.trim()}:9999/`;
    };

    test('containers and interception rules as the seed shows them', async () => {
      const names = "jsonpath={.items[0].spec['containers','initContainers'][*].name}";
      assert.equal(await cluster.kubectlOk('get', 'pods', '-l', 'app=productpage', '-o', names), 'productpage istio-proxy istio-init');
      const rules = await cluster.kubectlOk('logs', 'deploy/productpage-v1', '-c', 'istio-init');
      assert.match(rules, /redirect to :15001/);
      assert.match(rules, /redirect to :15006/);
    });

    test('before: the page is whole, and anybody on the way can read it', async () => {
      await settles('the page', new RegExp(`${author}.*200$`), () => productpage('http://productpage:9080/productpage'));
      assert.match(await stranger('http://details.default:9080/details/0'), details);
      const hidden = `node -e 'require("http").createServer((q,r)=>r.end("hidden")).listen(9999)' >/dev/null 2>&1 &`;
      await cluster.kubectlOk('exec', 'deploy/details-v1', '-c', 'details', '--', 'sh', '-c', hidden);
      await settles('a port nobody declared', /^hidden 200$/, async () => stranger(await undeclared()));
      capture.clear();
      assert.match(await productpage('http://details:9080/details/0'), details);
      await eventually('plain text in the capture', 20_000, async () =>
        /GET \/details\/0 HTTP\/1\.1[\s\S]*William Shakespeare/.test(capture.seen()),
      );
    });

    test('STRICT: the same request, and nothing to read', async () => {
      await configureMesh(cluster, 'enableAutoMtls: true\n');
      await cluster.kubectlOk('apply', '-f', file('strict'));
      await settles('without a certificate nobody gets in', /^ 000$/, () => stranger('http://details.default:9080/details/0'));
      assert.match(await stranger(await undeclared()), /^ 000$/, 'not by a port nobody declared either');
      await settles('the mesh goes on', details, () => productpage('http://details:9080/details/0'));
      await settles(
        'and client and server agree',
        /^details.default.svc.cluster.local:9080 +OK +mTLS +mTLS +default\/default +-$/m,
        async () => (await cluster.palisade('authn', 'tls-check', 'deploy/productpage-v1', 'details.default.svc.cluster.local')).stdout,
      );
      await sleep(500);
      capture.clear();
      assert.match(await productpage('http://details:9080/details/0'), details);
      await eventually('records of TLS in the capture', 20_000, async () => tlsRecord.test(capture.seen()));
      await sleep(500);
      assert.ok(!/GET \/details\/0|Shakespeare/.test(capture.seen()), 'neither the request nor the answer can be read');
    });

    test('deny-all', async () => {
      await cluster.kubectlOk('apply', '-f', file('deny-all'));
      await settles('everything is denied', denied, () => productpage('http://details:9080/details/0'));
    });

    test('details-viewer: GET /details/0 by productpage; no POST, no /ping, nobody else', async () => {
      await cluster.kubectlOk('apply', '-f', file('details-viewer'));
      await settles('the viewer reads', details, () => productpage('http://details:9080/details/0'));
      assert.match(await productpage('-X', 'POST', 'http://details:9080/details/0'), denied);
      assert.match(await productpage('http://details:9080/ping'), denied);
      assert.match(await reviews('http://details:9080/details/0'), denied);
    });

    test('the command line says the same, and why', async () => {
      const allowed = await explain('deploy/productpage-v1', '--path', '/details/0');
      assert.match(
        allowed.stdout,
        /^ALLOWED: .*rule 0 of AuthorizationPolicy default\/details-viewer[\s\S]*live: 200: agrees/,
        allowed.stderr,
      );
      assert.equal(allowed.code, 0);
      const post = await explain('deploy/productpage-v1', '--path', '/details/0', '--method', 'POST');
      assert.match(post.stdout, /^DENIED: [\s\S]*if the method were GET \(it is POST\)[\s\S]*live: 403 RBAC: access denied: agrees/);
      assert.equal(post.code, 1);
      const other = await explain('deploy/reviews-v1', '--path', '/details/0');
      assert.match(other.stdout, /it is spiffe:\/\/cluster.local\/ns\/default\/sa\/bookinfo-reviews[\s\S]*agrees/);
      const checked = await cluster.palisade('authz', 'check', 'deploy/details-v1');
      assert.match(checked.stdout, /ALLOW +deny-all\.default +0 +yes\nALLOW +details-viewer\.default +1 +yes\nmutual TLS: STRICT/);
      await settles(
        'every proxy has followed',
        /details-v1-\S+\.default +SYNCED +SYNCED +SYNCED +SYNCED/,
        async () => (await cluster.palisade('proxy-status')).stdout,
      );
      const pod = await cluster.kubectlOk('get', 'pods', '-l', 'app=details', '-o', 'jsonpath={.items[0].metadata.name}');
      const status = await cluster.palisade('proxy-status', pod);
      assert.equal(status.stdout, 'Clusters Match\nListeners Match\nRoutes Match\n', status.stderr);
      const listeners = await cluster.palisade('proxy-config', 'listeners', pod, '--port', '15006');
      assert.match(listeners.stdout, /Trans: tls.*Port: 9080 +Inline Route: inbound\|9080\|\|/);
      const secrets = await cluster.palisade('pc', 'secrets', pod);
      assert.match(secrets.stdout, /default +Cert Chain +ACTIVE +true/);
    });

    test('control: without the policies the same requests are answered', async () => {
      await cluster.kubectlOk('delete', '-f', file('details-viewer'), '-f', file('deny-all'));
      await settles('POST reaches the program', /nothing at.* 404$/, () => productpage('-X', 'POST', 'http://details:9080/details/0'));
      await settles('and so is a GET by anybody in the mesh', details, () => reviews('http://details:9080/details/0'));
      await cluster.kubectlOk('delete', '-f', file('strict'));
      await settles('and so is a stranger', details, () => stranger('http://details.default:9080/details/0'));
    });
  });
}
