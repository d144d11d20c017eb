/** The heart of seed 001 on the embedded cluster: mutual TLS, deny-all, then one identity, method and path. Both data planes. */
import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { cannotRunClusters, eventually, startCluster, type TestCluster } from './harness.ts';

const cache = process.env['PALISADE_CACHE'] ?? join(homedir(), '.cache', 'palisade');
const hasEnvoy = statSync(join(cache, 'tools/envoy/envoy/_bin/envoy'), { throwIfNoEntry: false })?.isFile() === true;

const answer = 'q.method+" "+q.url+"\\n"';
const workload = (name: string, container: string) => `apiVersion: v1
kind: ServiceAccount
metadata: {name: ${name}, namespace: shop}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}, namespace: shop}
spec:
  selector: {matchLabels: {app: ${name}}}
  template:
    metadata: {labels: {app: ${name}}}
    spec:
      serviceAccountName: ${name}
      containers:
      - ${container}
`;
const shop = [
  workload(
    'details',
    `{name: c, image: "node:24", command: [node, -e, 'const h=require("http");h.createServer((q,r)=>r.end(${answer})).listen(9080);h.createServer((q,r)=>r.end("hidden\\n")).listen(9999)']}`,
  ),
  workload('productpage', '{name: c, image: curlimages/curl, command: [sleep, "100000"]}'),
  'apiVersion: v1\nkind: Service\nmetadata: {name: details, namespace: shop}\nspec: {selector: {app: details}, ports: [{name: http, port: 9080}]}\n',
  'apiVersion: v1\nkind: Pod\nmetadata: {name: outsider, namespace: default}\nspec:\n  containers:\n  - {name: c, image: curlimages/curl, command: [sleep, "100000"]}\n',
].join('---\n');
const strict =
  'apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: default, namespace: istio-system}\nspec: {mtls: {mode: STRICT}}\n';
const denyAll = 'apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: deny-all, namespace: shop}\nspec: {}\n';
const detailsViewer = `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: details-viewer, namespace: shop}
spec:
  selector: {matchLabels: {app: details}}
  rules:
  - from: [{source: {principals: ["cluster.local/ns/shop/sa/productpage"]}}]
    to: [{operation: {methods: ["GET"], paths: ["/details/*"]}}]
`;

for (const mesh of ['palisade', 'envoy'] as const) {
  const skip = cannotRunClusters() || (mesh === 'envoy' && !hasEnvoy ? 'no Envoy: "node scripts/setup/envoy.mjs" fetches one' : false);
  describe(`seed 001 with the data plane ${mesh}`, { skip, timeout: 240_000 }, () => {
    let cluster: TestCluster;
    before(async () => {
      cluster = await startCluster({ nodes: ['node1', 'node2'], mesh });
      await eventually('istiod is ready', 60_000, async () =>
        /1\/1/.test((await cluster.kubectl('get', 'pods', '-n', 'istio-system', '-l', 'app=istiod', '--no-headers')).stdout),
      );
      await cluster.kubectlOk('create', 'namespace', 'shop');
      await cluster.kubectlOk('label', 'namespace', 'shop', 'istio-injection=enabled');
      await cluster.apply(shop);
      for (const name of ['details', 'productpage'])
        await cluster.kubectlOk('rollout', 'status', '-n', 'shop', `deployment/${name}`, '--timeout=90s');
      await cluster.kubectlOk('wait', '--for=condition=Ready', 'pod/outsider', '--timeout=60s');
    });
    after(() => cluster?.stop());

    const curl = async (from: string[], ...args: string[]) =>
      (await cluster.kubectl('exec', ...from, '-c', 'c', '--', 'curl', '-s', '-m', '5', '-w', ' %{http_code}', ...args)).stdout.replaceAll(
        '\n',
        '',
      );
    const productpage = (...args: string[]) => curl(['-n', 'shop', 'deploy/productpage'], ...args);
    const outsider = (...args: string[]) => curl(['outsider'], ...args);
    const undeclared = async () => {
      const address = await cluster.kubectlOk('get', 'pods', '-n', 'shop', '-l', 'app=details', '-o', 'jsonpath={.items[0].status.podIP}');
      return `http://${address.trim()}:9999/`;
    };
    const settles = (what: string, expected: RegExp, act: () => Promise<string>) =>
      eventually(what, 30_000, async () => expected.test(await act()));

    test('injected: a proxy beside every application', async () => {
      const names = await cluster.kubectlOk(
        'get',
        'pods',
        '-n',
        'shop',
        '-l',
        'app=details',
        '-o',
        "jsonpath={.items[0].spec['containers','initContainers'][*].name}",
      );
      assert.match(names, /istio-proxy/);
      assert.match(names, /istio-init/);
    });

    test('PERMISSIVE: plain text from outside the mesh is answered (control)', async () => {
      await settles('mesh client', /GET \/details\/0 200$/, () => productpage('http://details:9080/details/0'));
      await settles('plain client', /GET \/details\/0 200$/, () => outsider('http://details.shop:9080/details/0'));
      await settles('plain client, undeclared port', /hidden 200$/, async () => outsider(await undeclared()));
    });

    test('STRICT: plain text is refused, also on ports nobody declared; the mesh goes on', async () => {
      await cluster.apply(strict);
      await settles('plain client', /^ 000$/, () => outsider('http://details.shop:9080/details/0'));
      await settles('plain client, undeclared port', /^ 000$/, async () => outsider(await undeclared()));
      assert.match(await productpage('http://details:9080/details/0'), /GET \/details\/0 200$/);
    });

    test('deny-all, then details-viewer: identity, method and path', async () => {
      await cluster.apply(denyAll);
      await settles('everything denied', /^RBAC: access denied 403$/, () => productpage('http://details:9080/details/0'));
      await cluster.apply(detailsViewer);
      await settles('the viewer may read', /GET \/details\/0 200$/, () => productpage('http://details:9080/details/0'));
      assert.match(await productpage('-X', 'POST', 'http://details:9080/details/0'), /^RBAC: access denied 403$/);
      assert.match(await productpage('http://details:9080/ping'), /^RBAC: access denied 403$/);
      await cluster.kubectlOk('delete', 'authorizationpolicy', '-n', 'shop', '--all');
      await settles('without policies all is answered (control)', /GET \/ping 200$/, () => productpage('http://details:9080/ping'));
    });
  });
}
