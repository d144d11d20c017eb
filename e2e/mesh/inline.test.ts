/** Mesh Escape 101 (seed 003): what leads past the proxy under `redirect` leads nowhere under `inline`. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { TestCluster } from '../harness.ts';
import { client, createNamespace, curl, dataPlanes, echoServer, service, settles, startMesh, workload } from './kit.ts';

const probed = echoServer(8080).replace(/\}$/, ', readinessProbe: {httpGet: {path: /ready, port: 8080}, periodSeconds: 1}}');
const manifests = [
  ...['line', 'side'].flatMap((namespace) => [
    workload(namespace, 'web', { container: client }),
    workload(namespace, 'orders', { container: probed }),
    service(namespace, 'orders', '{name: http, port: 80, targetPort: 8080}'),
  ]),
  workload('line', 'guarded', { container: echoServer(8080), metadata: '      annotations: {palisade.dev/waf-sidecar: "8080"}\n' }),
  service('line', 'guarded', '{name: http, port: 80, targetPort: 8080}'),
  workload('plain', 'bare', { container: echoServer(8080) }),
  workload('plain', 'outsider', { container: client }),
].join('---\n');
const security = (kind: string, namespace: string, spec: object) =>
  JSON.stringify({ apiVersion: 'security.istio.io/v1', kind, metadata: { name: 'default', namespace }, spec });
const strict = security('PeerAuthentication', 'istio-system', { mtls: { mode: 'STRICT' } });
/** Only what the registry knows may be called. */
const registryOnly = 'outboundTrafficPolicy: {mode: REGISTRY_ONLY}\n';

for (const { name: mesh, skip } of dataPlanes) {
  describe(`inline interception with the data plane ${mesh}`, { skip, timeout: 600_000 }, () => {
    let cluster: TestCluster;
    before(async () => {
      cluster = await startMesh(mesh, registryOnly);
      await createNamespace(cluster, 'line', 'istio-injection=enabled', 'palisade.dev/interception=inline');
      await createNamespace(cluster, 'side', 'istio-injection=enabled');
      await createNamespace(cluster, 'plain');
      await cluster.apply(`${manifests}---\n${strict}`);
      for (const place of ['line/web', 'line/orders', 'line/guarded', 'side/web', 'side/orders', 'plain/bare', 'plain/outsider']) {
        const [namespace, name] = place.split('/') as [string, string];
        await cluster.kubectlOk('rollout', 'status', '-n', namespace, `deployment/${name}`, '--timeout=120s');
      }
    });
    after(() => cluster?.stop());

    const from = (namespace: string, ...args: string[]) => curl(cluster, ['-n', namespace, 'deploy/web'], ...args);
    const outsider = (...args: string[]) => curl(cluster, ['-n', 'plain', 'deploy/outsider'], ...args);
    const addressOf = async (namespace: string, app: string, index = 0) => {
      const path = `jsonpath={.items[0].status.podIPs[${index}].ip}`;
      const address = (await cluster.kubectlOk('get', 'pods', '-n', namespace, '-l', `app=${app}`, '-o', path)).trim();
      return address.includes(':') ? `[${address}]` : address;
    };
    /** As in the seed: a user of number 1337, made in the application's own container. */
    const asProxyUser = async (namespace: string, url: string) => {
      const script = `const g=require("http").get(process.argv[1],{timeout:4000,agent:false},(r)=>{r.resume();console.log(r.statusCode)});g.on("error",(e)=>console.log(e.code));g.on("timeout",()=>g.destroy())`;
      const target = ['exec', '-n', namespace, 'deploy/orders', '-c', 'c', '--'];
      const act = `process.setgid(1337);process.setuid(1337);${script}`;
      return (await cluster.kubectl(...target, 'node', '-e', act, url)).stdout.trim();
    };

    test('a mesh across both interceptions: calls with mutual TLS, probes, names', async () => {
      for (const [source, target] of [
        ['line', 'line'],
        ['line', 'side'],
        ['side', 'line'],
      ] as const)
        await settles(`${source} to ${target}`, /^GET \/ 200$/, () => from(source, `http://orders.${target}/`));
      await settles('plain text is refused', /^ 000$/, () => outsider('http://orders.line/'));
      assert.match(await outsider(`http://${await addressOf('line', 'orders')}:8080/`), /^ 000$/);
      assert.match(await outsider(`http://${await addressOf('line', 'orders', 1)}:8080/`), /^ 000$/);
      const names = "jsonpath={.items[0].spec['containers','initContainers'][*].name}";
      assert.doesNotMatch(await cluster.kubectlOk('get', 'pods', '-n', 'line', '-l', 'app=web', '-o', names), /istio-init/);
    });

    test('user 1337: past the proxy under redirect (control), nowhere inline; IPv4 and IPv6', async () => {
      for (const family of [0, 1]) {
        const bare = `http://${await addressOf('plain', 'bare', family)}:8080/`;
        assert.match(await from('side', bare), / 000$| 502$/, 'control: the proxy lets nobody out');
        assert.equal(await asProxyUser('side', bare), '200', 'the escape of the seed');
        assert.doesNotMatch(await asProxyUser('line', bare), /200/);
      }
    });

    test('a label, an annotation or a host network: refused where the namespace says inline, told where it does not', async () => {
      const pod = (name: string, namespace: string, metadata: string, spec = '') =>
        `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}, namespace: ${namespace}, ${metadata}}\nspec: {${spec}containers: [${client}]}\n`;
      const out = [
        'labels: {sidecar.istio.io/inject: "false"}',
        'annotations: {sidecar.istio.io/inject: "false"}',
        'annotations: {traffic.sidecar.istio.io/excludeOutboundPorts: "8080"}',
      ];
      for (const [index, metadata] of out.entries())
        await assert.rejects(cluster.apply(pod(`out${index}`, 'line', metadata)), /namespace "line" is palisade\.dev\/interception=inline/);
      await assert.rejects(cluster.apply(pod('host', 'line', 'labels: {}', 'hostNetwork: true, ')), /hostNetwork/);
      const told = await cluster.kubectl(
        ...['run', 'told', '-n', 'side', '--image=curlimages/curl', '--dry-run=server'],
        '--annotations=traffic.sidecar.istio.io/excludeOutboundPorts=8080',
      );
      assert.match(told.stderr, /Warning: past the mesh: traffic\.sidecar\.istio\.io\/excludeOutboundPorts/);
    });

    test('an escape is told: by an Event on the pod, and by the flow at the other end', async () => {
      const told = () =>
        cluster.kubectlOk('get', 'events', '-n', 'side', '--field-selector=reason=MeshEscape', '-o', 'jsonpath={.items[*].message}');
      assert.doesNotMatch(await told(), /excludeOutboundPorts/, 'control: nobody has opened a way yet');
      await cluster.kubectlOk(
        ...['run', 'open', '-n', 'side', '--image=curlimages/curl', '--annotations=traffic.sidecar.istio.io/excludeOutboundPorts=8080'],
        ...['--', 'sleep', '100000'],
      );
      await settles('the Event', /Past the mesh: traffic\.sidecar\.istio\.io\/excludeOutboundPorts/, told);
      const flows = async () => (await cluster.palisade('flows', '-o', 'json')).stdout;
      assert.doesNotMatch(await flows(), /past the mesh/, 'control: the calls so far went through their proxies');
      assert.doesNotMatch(await asProxyUser('side', `http://${await addressOf('line', 'orders')}:8080/`), /200/);
      await settles('the flow', /past the mesh/, flows);
    });

    test('a connection that user 1337 holds past the proxy is told, even to somebody without one', async () => {
      const flows = async () => (await cluster.palisade('flows', '-o', 'json')).stdout;
      const told = /a process of user 1337 that is not the proxy/;
      assert.doesNotMatch(await flows(), told, 'control: the proxies’ own connections are not');
      const address = (await addressOf('plain', 'bare')).replaceAll(/[[\]]/g, '');
      const hold = `process.setgid(1337);process.setuid(1337);require("net").connect(8080,"${address}");setTimeout(()=>process.exit(),12000)`;
      await cluster.kubectlOk('exec', '-n', 'side', 'deploy/orders', '-c', 'c', '--', 'node', '-e', hold);
      await settles('the flow', told, flows);
    });

    test('the WAF in the pod, inline', async () => {
      await settles('harmless', /^GET \/ok 200$/, () => from('line', 'http://guarded/ok'));
      const attack = '/?q=<script>alert(1)</script>';
      assert.match(await from('line', `http://guarded${attack}`), / 403$/);
      assert.match(await from('line', `http://orders${attack}`), / 200$/, 'control: no WAF');
    });
  });
}
