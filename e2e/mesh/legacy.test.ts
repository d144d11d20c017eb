/** The kinds of Istio 1.1 in force: mutual TLS by MeshPolicy, seed 003's access control, and what happens beside today's kinds. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { TestCluster } from '../harness.ts';
import { client, createNamespace, curl, dataPlanes, echoServer, service, settles, startMesh, workload } from './kit.ts';

/** 1.1 redirected declared ports only: 9999 is none. */
const declaring = echoServer(8080).replace(
  /\.listen\(8080\)'\]\}$/,
  `.listen(8080);require("http").createServer((q,r)=>r.end("hidden")).listen(9999)'], ports: [{containerPort: 8080}]}`,
);
const manifests = [
  workload('default', 'products', { container: declaring }),
  workload('default', 'modern', {
    container: declaring,
    metadata: '      annotations: {traffic.sidecar.istio.io/includeInboundPorts: "*"}\n',
  }),
  workload('default', 'viewer', { container: client }),
  service('default', 'products', '{name: http, port: 80, targetPort: 8080}'),
  `apiVersion: v1\nkind: Pod\nmetadata: {name: outsider, namespace: elsewhere}\nspec:\n  containers:\n  - ${client}\n`,
].join('---\n');
const object = (apiVersion: string, kind: string, name: string, spec: object, namespace?: string) =>
  JSON.stringify({ apiVersion, kind, metadata: { name, ...(namespace === undefined ? {} : { namespace }) }, spec });
const rbac = 'rbac.istio.io/v1alpha1';
const meshPolicy = object('authentication.istio.io/v1alpha1', 'MeshPolicy', 'default', { peers: [{ mtls: {} }] });
const mutualTls = object(
  'networking.istio.io/v1alpha3',
  'DestinationRule',
  'default',
  { host: '*.local', trafficPolicy: { tls: { mode: 'ISTIO_MUTUAL' } } },
  'istio-system',
);
const config = (namespace: string) =>
  object(rbac, 'RbacConfig', 'default', { mode: 'ON_WITH_INCLUSION', inclusion: { namespaces: [namespace] } }, 'default');
const role = object(
  rbac,
  'ServiceRole',
  'products-viewer-version',
  {
    rules: [
      {
        services: ['products.default.svc.cluster.local'],
        methods: ['GET', 'HEAD'],
        constraints: [{ key: 'request.headers[version]', values: ['v1', 'v2'] }],
      },
    ],
  },
  'default',
);
const binding = (principal: string) =>
  object(
    rbac,
    'ServiceRoleBinding',
    'binding-products-all-authenticated-users',
    {
      subjects: [{ properties: { 'source.principal': principal } }],
      roleRef: { kind: 'ServiceRole', name: 'products-viewer-version' },
    },
    'default',
  );

for (const { name: mesh, skip } of dataPlanes) {
  describe(`kinds of Istio 1.1 with the data plane ${mesh}`, { skip, timeout: 600_000 }, () => {
    let cluster: TestCluster;
    before(async () => {
      cluster = await startMesh(mesh, 'palisade: {profile: legacy}\n');
      await cluster.kubectlOk('label', 'namespace', 'default', 'istio-injection=enabled');
      await createNamespace(cluster, 'elsewhere');
      await cluster.apply(manifests);
      for (const name of ['products', 'modern', 'viewer'])
        await cluster.kubectlOk('rollout', 'status', `deployment/${name}`, '--timeout=120s');
      await cluster.kubectlOk('wait', '-n', 'elsewhere', '--for=condition=Ready', 'pod/outsider', '--timeout=60s');
    });
    after(() => cluster?.stop());

    const viewer = (...args: string[]) => curl(cluster, ['deploy/viewer'], ...args, 'http://products/');
    const outsider = () => curl(cluster, ['-n', 'elsewhere', 'outsider'], 'http://products.default/');
    const version = (text: string) => ['-H', `version: ${text}`];

    test('1.1’s profile: no mTLS unasked; MeshPolicy asks for it, a DestinationRule makes clients offer it', async () => {
      await settles('plain text inside the mesh', /^GET \/ 200$/, () => viewer());
      await settles('plain text from outside', /^GET \/ 200$/, outsider);
      await cluster.apply(meshPolicy);
      await settles('refused from outside', /^ 000$/, outsider);
      await settles('without a DestinationRule the mesh’s own client offers no certificate', / 503$/, () => viewer());
      await cluster.apply(mutualTls);
      await settles('answered with it', /^GET \/ 200$/, () => viewer());
      await settles('still refused from outside', /^ 000$/, outsider);
    });

    test('ports nobody declared go past the proxy, as in 1.1; an annotation closes that', async () => {
      const hidden = async (app: string) => {
        const address = await cluster.kubectlOk('get', 'pods', '-l', `app=${app}`, '-o', 'jsonpath={.items[0].status.podIP}');
        return curl(cluster, ['-n', 'elsewhere', 'outsider'], `http://${address.trim()}:9999/`);
      };
      await settles('past the proxy, under STRICT', /^hidden 200$/, () => hidden('products'));
      await settles('closed', /^ 000$/, () => hidden('modern'));
    });

    test('seed 003: authenticated readers of two versions, and nobody else', async () => {
      await cluster.apply(config('other'));
      await cluster.apply(role);
      await settles('control: the namespace is not included', /^POST \/ 200$/, () => viewer('-X', 'POST'));
      await cluster.apply(config('default'));
      await settles('a role without binding grants nothing', /^RBAC: access denied 403$/, () => viewer(...version('v1')));
      await assert.rejects(cluster.apply(binding('**')), /matches nobody: write "\*"/);
      await cluster.apply(binding('*'));
      await settles('GET of v1', /^GET \/ 200$/, () => viewer(...version('v1')));
      assert.match(await viewer('-I', ...version('v2')), /200$/);
      assert.match(await viewer(...version('v3')), /^RBAC: access denied 403$/);
      assert.match(await viewer(), /^RBAC: access denied 403$/);
      assert.match(await viewer('-X', 'POST', ...version('v1')), /^RBAC: access denied 403$/);
      await cluster.apply(binding('cluster.local/ns/default/sa/somebody'));
      await settles('bound to somebody else', /^RBAC: access denied 403$/, () => viewer(...version('v1')));
    });

    test('a compulsory token by Policy: without one, 401; excluded paths are free', async () => {
      await cluster.kubectlOk('delete', 'rbacconfig', 'default');
      await settles('control: free again', /^GET \/ 200$/, () => viewer());
      const jwt = {
        issuer: 'issuer.test',
        jwks: '{"keys":[{"kty":"oct","k":"AAAA"}]}',
        triggerRules: [{ excludedPaths: [{ exact: '/health' }] }],
      };
      const spec = { targets: [{ name: 'products' }], peers: [{ mtls: {} }], origins: [{ jwt }], principalBinding: 'USE_ORIGIN' };
      await cluster.apply(object('authentication.istio.io/v1alpha1', 'Policy', 'products', spec, 'default'));
      await settles('no token', /^Jwt is missing 401$/, () => viewer());
      assert.match(await curl(cluster, ['deploy/viewer'], 'http://products/health'), /^GET \/health 200$/);
      assert.match(await curl(cluster, ['deploy/viewer'], 'http://products/health/../'), / 401$/);
      await cluster.kubectlOk('delete', 'policies.authentication.istio.io', 'products');
      await settles('control: without the policy', /^GET \/ 200$/, () => viewer());
    });

    test('today’s kind on the same workload wins, and the log says which old one has no effect', async () => {
      await cluster.apply(config('default'));
      await settles('old access control', /^RBAC: access denied 403$/, () => viewer('-X', 'POST'));
      await cluster.apply(object('security.istio.io/v1', 'AuthorizationPolicy', 'open', { rules: [{}] }, 'default'));
      await settles('today’s', /^POST \/ 200$/, () => viewer('-X', 'POST'));
      assert.match(
        await cluster.kubectlOk('logs', '-n', 'istio-system', 'deploy/istiod'),
        /default\/products\S*: ServiceRoles are ignored here: AuthorizationPolicy default\/open/,
      );
    });
  });
}
