/** Injection's variants under STRICT, on packets: probes, classic and native sidecars, Jobs, exclusions, IPv6, and the WAF sidecar. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eventually, type TestCluster } from '../harness.ts';
import { client, createNamespace, curl, dataPlanes, echoServer, service, settles, startMesh, workload } from './kit.ts';

const annotated = (...lines: string[]) => `      annotations: {${lines.join(', ')}}\n`;
const probed = echoServer(8080).replace(
  /\}$/,
  ', ports: [{name: web, containerPort: 8080}], livenessProbe: {tcpSocket: {port: 8080}}, readinessProbe: {httpGet: {path: /ready, port: web}, periodSeconds: 1}, startupProbe: {exec: {command: ["true"]}}}',
);
/** Asks once, at its very start, and ends at once when that fails. */
const early = '{name: c, image: curlimages/curl, command: [sh, -c, "curl -sf http://orders/early && sleep 100000"]}';
const strict = JSON.stringify({
  apiVersion: 'security.istio.io/v1',
  kind: 'PeerAuthentication',
  metadata: { name: 'default', namespace: 'istio-system' },
  spec: { mtls: { mode: 'STRICT' } },
});
const classic = 'sidecar.istio.io/nativeSidecar: "false"';
const waf = 'palisade.dev/waf-sidecar: "8080"';
const job = `apiVersion: batch/v1
kind: Job
metadata: {name: once, namespace: shop}
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      containers: [{name: c, image: curlimages/curl, command: [curl, -sf, "http://orders/once"]}]
`;
const ipv6Service =
  'apiVersion: v1\nkind: Service\nmetadata: {name: orders6, namespace: shop}\nspec: {ipFamilyPolicy: SingleStack, ipFamilies: [IPv6], selector: {app: orders}, ports: [{name: http, port: 80, targetPort: 8080}]}\n';
const manifests = [
  workload('shop', 'orders', { container: echoServer(8080) }),
  workload('shop', 'web', { container: client }),
  workload('shop', 'probed', { container: probed }),
  workload('shop', 'unled', { container: probed, metadata: annotated('sidecar.istio.io/rewriteAppHTTPProbers: "false"') }),
  workload('shop', 'classic', { container: probed, metadata: annotated(classic) }),
  workload('shop', 'excluding', {
    container: echoServer(8080),
    metadata: annotated('traffic.sidecar.istio.io/excludeInboundPorts: "8080"'),
  }),
  workload('shop', 'guarded', { container: echoServer(8080), metadata: annotated(waf) }),
  workload('plain', 'guarded', { container: echoServer(8080), metadata: annotated(waf) }),
  workload('plain', 'bare', { container: echoServer(8080) }),
  workload('plain', 'outsider', { container: client }),
  service('shop', 'orders', '{name: http, port: 80, targetPort: 8080}'),
  service('shop', 'guarded', '{name: http, port: 80, targetPort: 8080}'),
  ipv6Service,
  strict,
].join('\n---\n');

for (const { name: mesh, skip } of dataPlanes) {
  describe(`injection with the data plane ${mesh}`, { skip, timeout: 600_000 }, () => {
    let cluster: TestCluster;
    before(async () => {
      cluster = await startMesh(mesh);
      await createNamespace(cluster, 'shop', 'istio-injection=enabled');
      await createNamespace(cluster, 'plain');
      await cluster.apply(manifests);
      for (const place of ['shop/orders', 'shop/web', 'shop/guarded', 'plain/guarded', 'plain/bare', 'plain/outsider']) {
        const [namespace, name] = place.split('/') as [string, string];
        await cluster.kubectlOk('rollout', 'status', '-n', namespace, `deployment/${name}`, '--timeout=120s');
      }
    });
    after(() => cluster?.stop());

    const web = (...args: string[]) => curl(cluster, ['-n', 'shop', 'deploy/web'], ...args);
    const outsider = (...args: string[]) => curl(cluster, ['-n', 'plain', 'deploy/outsider'], ...args);
    const podsOf = (app: string, namespace: string, ...output: string[]) =>
      cluster.kubectlOk('get', 'pods', '-n', namespace, '-l', `app=${app}`, ...output);
    const addressOf = async (app: string, namespace = 'shop', index = 0) => {
      const address = (await podsOf(app, namespace, '-o', `jsonpath={.items[0].status.podIPs[${index}].ip}`)).trim();
      return address.includes(':') ? `[${address}]` : address;
    };

    test('probes reach the application under STRICT, native and classic; both show 2/2', async () => {
      for (const app of ['probed', 'classic']) {
        await cluster.kubectlOk('rollout', 'status', '-n', 'shop', `deployment/${app}`, '--timeout=60s');
        assert.match(await podsOf(app, 'shop', '--no-headers'), /\s2\/2\s+Running\s+0\s/, app);
      }
      assert.match(await podsOf('unled', 'shop', '--no-headers'), /\s1\/2\s+Running/, 'control: not led through the agent they fail');
    });

    test('the application starts when its proxy is ready: its first request is answered', async () => {
      await cluster.apply(
        [
          workload('shop', 'early-native', { container: early }),
          workload('shop', 'early-classic', { container: early, metadata: annotated(classic) }),
        ].join('---\n'),
      );
      for (const name of ['early-native', 'early-classic']) {
        await cluster.kubectlOk('rollout', 'status', '-n', 'shop', `deployment/${name}`, '--timeout=60s');
        assert.match(await podsOf(name, 'shop', '--no-headers'), /\s2\/2\s+Running\s+0\s/, name);
        assert.match(await cluster.kubectlOk('logs', '-n', 'shop', `deploy/${name}`, '-c', 'c'), /GET \/early/);
      }
    });

    test('a Job ends although its proxy would go on', async () => {
      await cluster.apply(job);
      await cluster.kubectlOk('wait', '-n', 'shop', '--for=condition=Complete', 'job/once', '--timeout=60s');
    });

    test('an excluded port is past the proxy; control: the others are not', async () => {
      await cluster.kubectlOk('rollout', 'status', '-n', 'shop', 'deployment/excluding', '--timeout=60s');
      await settles('excluded', /^GET \/ 200$/, async () => outsider(`http://${await addressOf('excluding')}:8080/`));
      await settles('not excluded', /^ 000$/, async () => outsider(`http://${await addressOf('orders')}:8080/`));
    });

    test('IPv6 like IPv4: mutual TLS by the Service, plain text to the pod refused', async () => {
      assert.match(await web('http://orders6/'), /^GET \/ 200$/);
      assert.match(await web('http://orders/'), /^GET \/ 200$/);
      assert.match(await outsider(`http://${await addressOf('orders', 'shop', 1)}:8080/`), /^ 000$/);
      assert.match(await outsider('http://orders6.shop/'), /^ 000$/);
    });

    test('the WAF in the pod: an attack on the pod’s address gets 403, with and without the mesh', async () => {
      const attack = '/?q=<script>alert(1)</script>';
      const plain = `http://${await addressOf('guarded', 'plain')}:8080`;
      await settles('harmless', /^GET \/ok 200$/, () => outsider(`${plain}/ok`));
      assert.match(await outsider(`${plain}${attack}`), / 403$/);
      const plain6 = `http://${await addressOf('guarded', 'plain', 1)}:8080`;
      assert.match(await outsider('-g', `${plain6}${attack}`), / 403$/);
      assert.match(await outsider(`http://${await addressOf('bare', 'plain')}:8080${attack}`), / 200$/, 'control: no WAF');
      await settles('harmless through the mesh', /^GET \/ok 200$/, () => web('http://guarded/ok'));
      assert.match(await web(`http://guarded${attack}`), / 403$/);
      assert.match(await web(`http://orders${attack}`), / 200$/, 'control: no WAF in the mesh');
      const inside = await cluster.kubectl(
        ...['exec', '-n', 'plain', 'deploy/guarded', '-c', 'c', '--', 'curl', '-s', '-m', '5', '-o', '/dev/null', '-w', '%{http_code}'],
        `http://127.0.0.1:8080${attack}`,
      );
      assert.equal(inside.stdout, '403', 'from inside the pod too');
    });

    test('a pod whose wish cannot be followed is refused with the annotation’s name', async () => {
      const pod = `apiVersion: v1\nkind: Pod\nmetadata: {name: wrong, namespace: shop, annotations: {palisade.dev/dataplane: nginx}}\nspec: {containers: [${client}]}\n`;
      await assert.rejects(cluster.apply(pod), /palisade\.dev\/dataplane: found "nginx", expected palisade or envoy/);
      await eventually('nothing is left of it', 5000, async () => (await cluster.kubectl('get', 'pod', 'wrong', '-n', 'shop')).code !== 0);
    });

    test('the revision "default" asks for proxies as istio-injection does; another control plane’s does not', async () => {
      await createNamespace(cluster, 'revised', 'istio.io/rev=default');
      await createNamespace(cluster, 'canary', 'istio.io/rev=canary');
      const added = (namespace: string, labels = '') =>
        cluster.kubectlOk(
          ...['run', 'p', '--image=x', '-n', namespace, `--labels=a=b${labels}`, '--dry-run=server', '-o'],
          'jsonpath={.spec.initContainers[*].name}',
        );
      const yes = 'istio-init istio-proxy';
      const rows = [
        ['revised', '', yes],
        ['revised', ',sidecar.istio.io/inject=false', ''],
        ['canary', '', ''],
        ['canary', ',sidecar.istio.io/inject=true', ''],
        ['plain', '', ''],
        ['plain', ',istio.io/rev=default', yes],
        ['plain', ',istio.io/rev=canary,sidecar.istio.io/inject=true', ''],
        ['plain', ',sidecar.istio.io/inject=true', yes],
      ] as const;
      for (const [namespace, labels, expected] of rows) assert.equal(await added(namespace, labels), expected, `${namespace} ${labels}`);
    });
  });
}
