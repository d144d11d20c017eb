import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { checkTls, tlsAnswer } from './authn/tls-check.ts';
import { checkPod, runningRules } from './authz/check.ts';
import { explainCall } from './authz/explain.ts';
import { readLive } from './authz/live.ts';
import { readQuestions } from './authz/question.ts';
import { convertObjects } from './convert.ts';
import { describePod } from './describe.ts';
import { findService, findSourcePods } from './ends.ts';
import { injectObject } from './inject.ts';
import { isIntercepted, type MeshSource, meshOfFiles } from './source.ts';
import { parseTarget } from './target.ts';

const app = (name: string, port: number, extra = '') => `apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}, namespace: shop}
spec:
  template:
    metadata: {labels: {app: ${name}, version: v1${extra}}}
    spec:
      serviceAccountName: ${name}
      containers: [{name: c, image: x, ports: [{name: main, containerPort: ${port}}]}]
---
apiVersion: v1
kind: Service
metadata: {name: ${name}, namespace: shop}
spec: {selector: {app: ${name}}, ports: [{name: http, port: 80, targetPort: main}]}
---
`;
const viewer = `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: viewer, namespace: shop}
spec:
  selector: {matchLabels: {app: db}}
  rules:
  - from: [{source: {principals: ["cluster.local/ns/shop/sa/web"]}}]
    to: [{operation: {methods: ["GET"], paths: ["/a/*"]}}]
`;
const strict =
  'apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: default, namespace: istio-system}\nspec: {mtls: {mode: STRICT}}\n';
const source = (...more: string[]) =>
  meshOfFiles(
    [
      { name: 'app.yaml', text: app('web', 8080) + app('db', 9090) + app('bare', 7070, ', sidecar.istio.io/inject: "false"') },
      ...more.map((text, index) => ({ name: `p${index}.yaml`, text })),
    ],
    'istio-system',
  );

function explained(mesh: MeshSource, from: string, to: string, options: { method?: string; path?: string; header?: string[] } = {}) {
  return allExplained(mesh, from, to, options)[0]!.answer;
}

function allExplained(mesh: MeshSource, from: string, to: string, options: { method?: string; path?: string; header?: string[] } = {}) {
  const { calls } = readQuestions(mesh, { from, to, method: 'GET', path: '/a/1', namespace: 'shop', ...options });
  return calls.flatMap((call) => explainCall(mesh, call, 0));
}

test('authz explain: verdict, ends, transport, and the line that decides', () => {
  const mesh = source(viewer, strict);
  assert.deepEqual(explained(mesh, 'web', 'db').text.split('\n').slice(0, 5), [
    'ALLOWED: allowed by rule 0 of AuthorizationPolicy shop/viewer',
    '  shop/web -> shop/db port 9090 (db.shop:80): GET /a/1',
    '  transport: mutual TLS, seen as spiffe://cluster.local/ns/shop/sa/web; the port takes STRICT (istio-system/default)',
    '  decided at: p0.yaml:7',
    '     5 |   selector: {matchLabels: {app: db}}',
  ]);
  const denied = explained(mesh, 'deploy/web', 'service/db', { method: 'POST' });
  assert.match(
    denied.text,
    /^DENIED: .*\n.*\n.*\n {2}ns\[shop\]-policy\[viewer\]-rule\[0\] would allow it if the method were GET \(it is POST\)\n {2}closest: p0.yaml:7\n/,
  );
  assert.match(explained(mesh, 'bare', 'db').text, /^DENIED: the destination takes mutual TLS only .* it has no proxy\n/);
  assert.match(explained(mesh, 'web', 'pod/db:9090').text, /^DENIED: .*plain text\n/);
  assert.match(explained(mesh, 'web', 'bare', {}).text, /^ALLOWED: no proxy stands before the destination/);
  const { path } = (explained(mesh, 'web', 'db', { path: '/a/../b?c#d' }).data as { request: { path: string } }).request;
  assert.equal(path, '/b');
});

test('authz explain: roles of the old generation decide under their own kind and line', () => {
  const old = (kind: string, name: string, spec: object) =>
    `${JSON.stringify({ apiVersion: 'rbac.istio.io/v1alpha1', kind, metadata: { name, namespace: 'shop' }, spec })}\n`;
  const role =
    'apiVersion: rbac.istio.io/v1alpha1\nkind: ServiceRole\nmetadata: {name: reader, namespace: shop}\nspec:\n  rules:\n  - {services: ["*"], methods: [GET]}\n';
  const mesh = source(
    old('ClusterRbacConfig', 'default', { mode: 'ON' }),
    old('ServiceRoleBinding', 'b', {
      subjects: [{ user: 'cluster.local/ns/shop/sa/web' }],
      roleRef: { kind: 'ServiceRole', name: 'reader' },
    }),
    role,
  );
  const allowed = explained(mesh, 'web', 'db').text;
  assert.match(allowed, /^ALLOWED: allowed by ServiceRole shop\/reader\n/);
  assert.match(allowed, /decided at: p2\.yaml:5\n/);
  assert.match(explained(mesh, 'web', 'db', { method: 'POST' }).text, /^DENIED: .*\n[\s\S]*closest: p2\.yaml:5\n/);
});

test('a service of two workloads is asked about once for each', () => {
  const second = app('db', 9090).replace('name: db,', 'name: db-v2,').replace('version: v1', 'version: v2').split('---')[0]!;
  const mesh = source(second, viewer.replace('{app: db}', '{app: db, version: v2}'));
  assert.deepEqual(
    allExplained(mesh, 'bare', 'db').map(({ isAllowed, answer }) => [(answer.data as { to: { pod: string } }).to.pod, isAllowed]),
    [
      ['shop/db', true],
      ['shop/db-v2', false],
    ],
  );
});

test('authz explain: through the routes of a VirtualService, to what each destination gets', () => {
  const routes = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: db, namespace: shop}
spec:
  hosts: [db]
  http:
  - match: [{uri: {prefix: /gone}}]
    directResponse: {status: 410}
  - match: [{uri: {prefix: /b/}}]
    rewrite: {uri: /a/}
    route:
    - {destination: {host: db}, weight: 3}
    - {destination: {host: bare}, weight: 1}
  - match: [{uri: {prefix: /none}}]
    route: [{destination: {host: db, subset: v9}}]
`;
  const mesh = source(viewer, routes);
  const [first, second] = allExplained(mesh, 'web', 'db', { path: '/b/1' });
  assert.deepEqual(first!.answer.text.split('\n').slice(0, 4), [
    'ALLOWED: allowed by rule 0 of AuthorizationPolicy shop/viewer',
    '  shop/web -> shop/db port 9090 (db.shop:80): GET /a/1',
    '  routed by VirtualService shop/db spec.http[1] (p1.yaml:9), 75 % of the requests',
    '  transport: mutual TLS, seen as spiffe://cluster.local/ns/shop/sa/web; the port takes PERMISSIVE',
  ]);
  assert.match(second!.answer.text, /^ALLOWED: no proxy stands before.*\n.* shop\/bare port 7070 .*GET \/a\/1\n.*25 % of the requests\n/);
  assert.match(
    explained(mesh, 'web', 'db', { path: '/gone' }).text,
    /^NOT SENT: the route answers itself \(410\)\n.*\n.*spec\.http\[0\] \(p1/,
  );
  assert.match(explained(mesh, 'web', 'db', { path: '/none' }).text, /^NOT SENT: db\.shop.* subset v9 does not exist \(503\)/);
  assert.match(explained(mesh, 'web', 'db', { path: '/x' }).text, /^NOT SENT: none of its routes fits the request \(404\)/);
  // Without a proxy of its own nothing is routed.
  assert.match(explained(mesh, 'bare', 'db', { path: '/b/1' }).text, /^DENIED: .*\n.*GET \/b\/1\n {2}transport/);
  const live = { isAllowed: true, status: 410, text: '410' };
  const answered = readQuestions(mesh, { from: 'web', to: 'db', method: 'GET', path: '/gone', namespace: 'shop' }).calls[0]!;
  assert.deepEqual(
    [explainCall(mesh, answered, 0, live)[0]!.agrees, explainCall(mesh, answered, 0, { ...live, status: 200 })[0]!.agrees],
    [true, false],
  );
});

const edge = `${app('gw', 8080)}apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: front, namespace: shop}
spec:
  selector: {app: gw}
  servers:
  - {port: {number: 80, name: http, protocol: HTTP}, hosts: [a.example, "*.wild.example"]}
  - {port: {number: 80, name: moved, protocol: HTTP}, hosts: [moved.example], tls: {httpsRedirect: true}}
  - {port: {number: 443, name: https, protocol: HTTPS}, hosts: [moved.example], tls: {mode: SIMPLE, credentialName: c}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: front, namespace: shop}
spec:
  hosts: ["*"]
  gateways: [front]
  http:
  - match: [{uri: {prefix: /gone}}]
    directResponse: {status: 410}
  - match: [{uri: {prefix: /b/}}]
    rewrite: {uri: /a/}
    route: [{destination: {host: db}}]
  - match: [{authority: {exact: a.example}}]
    route: [{destination: {host: web}}]
`.replace(
  'serviceAccountName: gw\n      containers: [{name: c, image: x,',
  'serviceAccountName: gw\n      containers: [{name: istio-proxy, image: x, args: [proxy, router],',
);

test('authz explain: from outside through a gateway’s own routes', () => {
  const gatekeeper = `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: gatekeeper, namespace: shop}
spec:
  selector: {matchLabels: {app: gw}}
  action: DENY
  rules:
  - to: [{operation: {paths: ["/admin*"]}}]
  - from: [{source: {ipBlocks: ["192.0.2.0/24"]}}]
`;
  const mesh = source(edge, gatekeeper, viewer.replace('sa/web', 'sa/gw'));
  assert.deepEqual(explained(mesh, 'outside', 'a.example', { path: '/b/1' }).text.split('\n').slice(0, 6), [
    'ALLOWED: allowed by rule 0 of AuthorizationPolicy shop/viewer',
    '  outside (203.0.113.1) -> shop/gw port 8080 (a.example): GET /b/1',
    '  the gateway: ALLOWED: no ALLOW policy applies to the workload',
    '  shop/gw -> shop/db port 9090 (db.shop:80): GET /a/1',
    '  routed by VirtualService shop/front spec.http[1] (p0.yaml:35)',
    '  transport: mutual TLS, seen as spiffe://cluster.local/ns/shop/sa/gw; the port takes PERMISSIVE',
  ]);
  const rows: [from: string, to: string, path: string, said: RegExp][] = [
    ['outside', 'a.example', '/x', /^ALLOWED: .*\n.*\n.*\n.* -> shop\/web port 8080 .*\n.* spec\.http\[2\]/],
    ['deploy/gw', 'a.example', '/b/1', /^ALLOWED: .* shop\/viewer\n {2}outside /],
    ['gw', 'db', '/a/1', /^ALLOWED: .* shop\/viewer\n {2}shop\/gw -> shop\/db /],
    ['web', 'gw', '/b/1', /^NOT SENT: no VirtualService .* routes for "gw\.shop" \(404\)\n {2}shop\/web -> shop\/gw port 8080 /],
    ['outside', 'a.example', '/admin/x', /^DENIED: .*gatekeeper\n {2}outside \S+ -> shop\/gw .*\n {2}decided at: p1\.yaml:8\n/],
    ['192.0.2.7', 'a.example', '/x', /^DENIED: .*gatekeeper\n.*outside \(192\.0\.2\.7\).*\n {2}decided at: p1\.yaml:9\n/],
    [
      'outside',
      'http://a.example/',
      '/gone',
      /^NOT SENT: the route answers itself \(410\)\n.*\n.*\n.* the gateway answers\n.*spec\.http\[0\]/,
    ],
    ['outside', 'x.wild.example', '/x', /^NOT SENT: none of its routes fits the request \(404\)/],
    ['outside', 'moved.example', '/b/1', /^NOT SENT: the Gateway sends visitors to HTTPS \(301\)/],
    ['outside', 'https://moved.example', '/b/1', /^ALLOWED: .*\n.* -> shop\/gw port 443 \(moved\.example\)/],
  ];
  for (const [from, to, path, said] of rows) assert.match(explained(mesh, from, to, { path }).text, said);
  const named = explained(mesh, 'web', 'gw', { path: '/b/1', header: ['host: a.example'] });
  assert.match(named.text, /^ALLOWED: .* shop\/viewer\n {2}shop\/web -> shop\/gw port 8080 \(a\.example\): GET \/b\/1\n/);
  assert.throws(
    () => explained(mesh, 'outside', 'b.example'),
    /Cannot enter as "b\.example" on port 80: there are .*, a\.example on port 80 \(Gateway shop\/front\)/,
  );
  assert.throws(() => explained(source(), 'outside', 'a.example'), /Cannot enter as "a\.example": no gateway runs/);
});

test('a port that is not led to the proxy has nobody before it', () => {
  const named = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' } };
  const init = (...env: string[]) => ({
    ...named,
    spec: { initContainers: [{ name: 'istio-init', env: env.map((each) => ({ name: each.split('=')[0]!, value: each.split('=')[1]! })) }] },
  });
  const rows: [pod: Parameters<typeof isIntercepted>[0], expected: boolean][] = [
    [{ ...named, spec: {} }, true],
    [init(), true],
    [init('INCLUDE_INBOUND_PORTS=*'), true],
    [init('INCLUDE_INBOUND_PORTS=80,9090'), true],
    [init('INCLUDE_INBOUND_PORTS=80'), false],
    [init('INCLUDE_INBOUND_PORTS='), false],
    [init('EXCLUDE_INBOUND_PORTS=9090'), false],
    [init('INCLUDE_INBOUND_PORTS=*', 'EXCLUDE_INBOUND_PORTS=80'), true],
  ];
  for (const [pod, expected] of rows) assert.equal(isIntercepted(pod, 9090), expected, JSON.stringify(pod));
});

test('a token that the gateway takes off is not seen behind it', () => {
  const keys = JSON.stringify({ keys: [generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' })] });
  const tokens = (isForwarded: boolean) => `apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {name: tokens, namespace: shop}
spec: {jwtRules: [{issuer: me, jwks: '${keys}', forwardOriginalToken: ${isForwarded}}]}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: readers, namespace: shop}
spec: {selector: {matchLabels: {app: web}}, rules: [{from: [{source: {requestPrincipals: ["me/ann"]}}]}]}
`;
  const verdict = (isForwarded: boolean) => {
    const { calls } = readQuestions(source(edge, tokens(isForwarded)), {
      ...{ from: 'outside', to: 'a.example', method: 'GET', path: '/x', namespace: 'shop' },
      jwt: '{"iss":"me","sub":"ann"}',
    });
    return explainCall(source(edge, tokens(isForwarded)), calls[0]!, 0).map(({ isAllowed }) => isAllowed);
  };
  assert.deepEqual([verdict(true), verdict(false)], [[true], [false]]);
});

test('names that are not there, or not clear', () => {
  const mesh = source();
  assert.throws(() => explained(mesh, 'ghost', 'db'), /Cannot find "ghost" in namespace shop: there are web, db, bare/);
  assert.throws(() => explained(mesh, 'web', 'db:81'), /has the ports 80, not 81: name one/);
  assert.throws(() => explained(mesh, 'web', 'ghost'), /Cannot find "ghost" in namespace shop: there are web, db, bare$/);
  assert.throws(() => explained(mesh, 'web', 'db.other'), /namespace other: no pods there; name another with -n/);
  assert.throws(() => explained(mesh, 'web', 'db', { path: 'x' }), /begin with/);
  assert.throws(() => explained(mesh, 'web', 'db', { header: ['x'] }), /expected "name: value"/);
  assert.deepEqual(parseTarget('deploy/web.shop', 'default'), { kind: 'Deployment', namespace: 'shop', name: 'web' });
  assert.deepEqual(parseTarget('shop/web', 'default'), { kind: 'Pod', namespace: 'shop', name: 'web' });
  assert.throws(() => parseTarget('a/b/c', 'default'), /expected POD/);
  assert.equal(findService(mesh, { namespace: 'shop', name: 'db' }).name, 'db');
  assert.throws(
    () => findService(mesh, { namespace: 'shop', name: 'ghost' }),
    /service "ghost" .* namespace shop: there are web, db, bare$/,
  );
});

test('authz check: what applies, and what of it the proxy runs', () => {
  const mesh = source(
    viewer,
    'apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: deny-all, namespace: shop}\nspec: {}\n',
  );
  const [db] = findSourcePods(mesh, 'db', 'shop');
  const running = new Set(['shop/viewer/0']);
  const { answer, isWhole } = checkPod(mesh, db!, running);
  assert.equal(isWhole, false);
  assert.match(answer.text, /ALLOW +deny-all\.shop +0 +NO\nALLOW +viewer\.shop +1 +yes\nmutual TLS: PERMISSIVE/);
  assert.equal(checkPod(mesh, db!, new Set([...running, 'shop/deny-all/0'])).isWhole, true);
  const listener = { name: 'l', x: { 'ns[shop]-policy[viewer]-rule[0]': {} } };
  const dump = {
    configs: [{ '@type': 'type.googleapis.com/envoy.admin.v3.ListenersConfigDump', dynamic_listeners: [{ active_state: { listener } }] }],
  };
  assert.deepEqual([...runningRules(dump)], ['shop/viewer/0']);
});

test('authn tls-check: the table of Istio 1.1', () => {
  const meshPolicy =
    'apiVersion: authentication.istio.io/v1alpha1\nkind: MeshPolicy\nmetadata: {name: default}\nspec: {peers: [{mtls: {mode: PERMISSIVE}}]}\n';
  const rule = (mode: string) =>
    `apiVersion: networking.istio.io/v1alpha3\nkind: DestinationRule\nmetadata: {name: db, namespace: shop}\nspec: {host: db, trafficPolicy: {tls: {mode: ${mode}}}}\n`;
  const rows = (mesh: MeshSource) => checkTls(mesh, { pod: 'web', host: 'db.shop.svc.cluster.local', namespace: 'shop' });
  assert.equal(
    tlsAnswer(rows(source(meshPolicy, rule('ISTIO_MUTUAL')))).text.replaceAll(/ +/g, ' '),
    'HOST:PORT STATUS SERVER CLIENT AUTHN POLICY DESTINATION RULE\ndb.shop.svc.cluster.local:80 OK HTTP/mTLS mTLS default/ db/shop',
  );
  const strictly = rows(source(strict, rule('DISABLE')))[0]!;
  assert.deepEqual([strictly.status, strictly.server, strictly.client], ['CONFLICT', 'mTLS', 'HTTP']);
  const all = checkTls(source(strict), { pod: undefined, host: undefined, namespace: 'shop' });
  assert.deepEqual(
    all.map(({ host, status, client }) => `${host} ${status} ${client}`),
    ['bare.shop.svc.cluster.local:80 OK HTTP', 'db.shop.svc.cluster.local:80 OK mTLS', 'web.shop.svc.cluster.local:80 OK mTLS'],
  );
});

test('a gateway’s ports are no PeerAuthentication’s', () => {
  const mesh = source(edge, strict);
  const [row] = checkTls(mesh, { pod: undefined, host: 'gw', namespace: 'shop' });
  assert.deepEqual([row!.status, row!.server, row!.client], ['OK', 'HTTP', 'HTTP']);
  const checked = checkPod(mesh, findSourcePods(mesh, 'gw', 'shop')[0]!, undefined).answer.text;
  assert.doesNotMatch(checked, /mutual TLS/);
});

test('describe: one pod on one page', () => {
  const mesh = source(viewer);
  const [db] = findSourcePods(mesh, 'db', 'shop');
  const described = describePod(mesh, db!);
  assert.deepEqual(
    [described.identity, described.mtls.mode, described.authorization[0]!.name],
    ['spiffe://cluster.local/ns/shop/sa/db', 'PERMISSIVE', 'viewer'],
  );
  assert.deepEqual(described.services[0]!.ports, [{ name: 'http', port: 80, protocol: 'http', targetPort: 9090 }]);
  assert.deepEqual(described.warnings, []);
});

test('revisions of other names: describe says whose a pod is and how to change it, explain which policies are not ours', () => {
  const labelled = (labels: string) => `apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {${labels}}}\n`;
  const without = (labels: string, name = 'bare') => {
    const mesh = source(labelled(labels));
    return describePod(mesh, findSourcePods(mesh, name, 'shop')[0]!).withoutProxy;
  };
  const again = '; then make the pod again: kubectl rollout restart';
  assert.deepEqual(without('istio.io/rev: canary'), {
    because: 'istio.io/rev=canary is another control plane’s: this one is default',
    remedy: `kubectl label namespace shop istio.io/rev- istio-injection=enabled${again}`,
  });
  assert.deepEqual(without('istio-injection: enabled'), {
    because: 'label sidecar.istio.io/inject=false',
    remedy: `take the label sidecar.istio.io/inject off the pod’s template${again}`,
  });
  assert.deepEqual(without('istio-injection: disabled'), {
    because: 'istio-injection=disabled',
    remedy: `kubectl label namespace shop istio-injection=enabled --overwrite${again}`,
  });
  assert.equal(without('istio.io/rev: default', 'web'), undefined);
  assert.match(without('istio.io/rev: canary', 'web')?.because ?? '', /another control plane/);
  const mesh = source(viewer.replace('{name: viewer, namespace: shop}', '{name: viewer, namespace: shop, labels: {istio.io/rev: canary}}'));
  assert.match(
    explained(mesh, 'bare', 'db').text,
    /^ALLOWED: no ALLOW policy .*[\s\S]*not in force: AuthorizationPolicy shop\/viewer is for the control plane istio\.io\/rev=canary; this one is default$/m,
  );
});

test('inject: every pod of a manifest, wherever the kind keeps it', () => {
  const settings = {
    image: 'i',
    discoveryAddress: 'istiod:15012',
    trustDomain: 'cluster.local',
    dataplane: 'palisade',
    profile: 'current',
    interception: 'redirect',
  } as const;
  const warnings: string[] = [];
  const warn = (text: string) => void warnings.push(text);
  const spec = { containers: [{ name: 'c', image: 'x' }] };
  const names = (pod: unknown) => {
    const { initContainers = [], containers = [] } = (pod as { spec: Record<'initContainers' | 'containers', { name: string }[]> }).spec;
    return [...initContainers, ...containers].map(({ name }) => name);
  };
  const cron = injectObject(
    { apiVersion: 'batch/v1', kind: 'CronJob', metadata: { name: 'a' }, spec: { jobTemplate: { spec: { template: { spec } } } } },
    settings,
    warn,
  );
  assert.ok(names((cron['spec'] as { jobTemplate: { spec: { template: unknown } } }).jobTemplate.spec.template).includes('istio-proxy'));
  const pod = injectObject({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' }, spec }, settings, warn);
  assert.ok(names(pod).includes('istio-init'));
  assert.deepEqual([pod.kind, pod.metadata.name], ['Pod', 'a']);
  const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'a' } };
  assert.equal(injectObject(service, settings, warn), service);
  const out = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a', annotations: { 'sidecar.istio.io/inject': 'false' } }, spec };
  assert.deepEqual(names(injectObject(out, settings, warn)), ['c']);
  assert.match(warnings.join('\n'), /^Pod default\/a past the mesh: .*inject=false/);
});

test('convert: both old groups at once, and what cannot be read is said', () => {
  const object = (apiVersion: string, kind: string, name: string, spec: object) => ({
    apiVersion,
    kind,
    metadata: { name, namespace: 'shop' },
    spec,
  });
  const { policies, problems } = convertObjects(
    [
      object('authentication.istio.io/v1alpha1', 'Policy', 'default', { peers: [{ mtls: {} }] }),
      object('authentication.istio.io/v1alpha1', 'Policy', 'broken', { peers: [{ jwt: {} }] }),
      object('rbac.istio.io/v1alpha1', 'ClusterRbacConfig', 'default', { mode: 'ON' }),
      object('v1', 'Service', 'db', { selector: { app: 'db' }, ports: [{ port: 80 }] }),
    ],
    { istioNamespace: 'istio-system', style: 'strict', clusterDomain: 'cluster.local' },
  );
  assert.deepEqual(
    policies.map(({ kind, metadata }) => `${kind} ${metadata.namespace}/${metadata.name}`),
    ['PeerAuthentication shop/default', 'AuthorizationPolicy istio-system/generated-global-deny-all'],
  );
  assert.match(problems.join('\n'), /Policy shop\/broken is not converted/);
});

test('a live answer: the mesh’s own refusals are told from the application’s', () => {
  const rows: [string, boolean][] = [
    ['{"id":0}\n200 0', true],
    ['RBAC: access denied\n403 0', false],
    ['not for you\n403 0', true],
    ['Jwt is expired\n401 0', false],
    ['Audiences in Jwt are not allowed\n403 0', false],
    ['upstream connect error or disconnect/reset before headers\n503 0', false],
    ['\n000 56', false],
  ];
  for (const [output, isAllowed] of rows) assert.equal(readLive(output).isAllowed, isAllowed, output);
});
