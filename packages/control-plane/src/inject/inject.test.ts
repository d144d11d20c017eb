import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyJsonPatch, type KubernetesObject } from '@palisade/kubernetes';
import { decideInjection } from './decide.ts';
import { injectPod } from './inject.ts';
import type { InjectionSettings } from './options.ts';
import { renderPatch } from './patch.ts';
import type { Container, PodSpec } from './pod.ts';

const settings: InjectionSettings = {
  image: 'palisade/proxy',
  discoveryAddress: 'istiod.istio-system.svc:15012',
  trustDomain: 'cluster.local',
  dataplane: 'palisade',
  profile: 'current',
  interception: 'redirect',
};
const pod = (metadata: object = {}, spec: object = {}): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', namespace: 'shop', ...metadata },
  spec: { containers: [{ name: 'app', image: 'busybox' }], ...spec },
});
const inject = 'sidecar.istio.io/inject';
const enabled = { name: 'shop', labels: { 'istio-injection': 'enabled' } };
const specOf = (object: KubernetesObject) => object['spec'] as PodSpec & { initContainers: Container[] };
const injected = (metadata: object = {}, spec: object = {}, namespace = enabled, changes: Partial<InjectionSettings> = {}) =>
  injectPod(pod(metadata, spec), namespace, { ...settings, ...changes }).pod;
const named = (object: KubernetesObject, name: string) =>
  [...specOf(object).initContainers, ...specOf(object).containers].find((container) => container.name === name)!;
const variables = (container: Container) =>
  Object.fromEntries((container['env'] as { name: string; value?: string }[]).map(({ name, value }) => [name, value]));

test('who gets a proxy: namespace, label, annotation, as Istio’s webhooks decide', () => {
  const disabled = { name: 'shop', labels: { 'istio-injection': 'disabled' } };
  const silent = { name: 'shop', labels: {} };
  const revised = (rev: string, more = {}) => ({ name: 'shop', labels: { 'istio.io/rev': rev, ...more } });
  const ours = { 'istio.io/rev': 'default' };
  const canary = { 'istio.io/rev': 'canary' };
  const rows: [string, KubernetesObject, { name: string; labels: Record<string, string> }, boolean][] = [
    ['nothing said', pod(), silent, false],
    ['namespace', pod(), enabled, true],
    ['namespace disabled', pod(), disabled, false],
    ['namespace disabled, label yes', pod({ labels: { [inject]: 'true' } }), disabled, false],
    ['label no', pod({ labels: { [inject]: 'false' } }), enabled, false],
    ['label yes', pod({ labels: { [inject]: 'true' } }), silent, true],
    ['label of another word', pod({ labels: { [inject]: 'yes' } }), enabled, false],
    ['annotation no', pod({ annotations: { [inject]: 'false' } }), enabled, false],
    ['annotation yes where nobody is asked', pod({ annotations: { [inject]: 'true' } }), silent, false],
    ['label beats annotation', pod({ labels: { [inject]: 'true' }, annotations: { [inject]: 'false' } }), enabled, true],
    ['the namespace’s revision', pod(), revised('default'), true],
    ['the namespace’s revision, label no', pod({ labels: { [inject]: 'false' } }), revised('default'), false],
    ['the namespace’s revision, annotation no', pod({ annotations: { [inject]: 'false' } }), revised('default'), false],
    ['the namespace’s revision before the pod’s', pod({ labels: canary }), revised('default'), true],
    ['another revision', pod({ labels: { [inject]: 'true' } }), revised('canary'), false],
    ['another revision, the pod’s is ours', pod({ labels: ours }), revised('canary'), false],
    ['istio-injection before the revision', pod(), revised('canary', enabled.labels), true],
    ['istio-injection before the revision: no', pod(), revised('default', disabled.labels), false],
    ['the pod’s revision', pod({ labels: ours }), silent, true],
    ['the pod’s revision, label no', pod({ labels: { ...ours, [inject]: 'false' } }), silent, false],
    ['the pod’s revision is another’s, label yes', pod({ labels: { ...canary, [inject]: 'true' } }), silent, false],
    ['host network', pod({}, { hostNetwork: true }), enabled, false],
    ['the cluster’s own', pod(), { ...enabled, name: 'kube-system' }, false],
    ['has one', pod({}, { containers: [{ name: 'istio-proxy', image: 'x' }] }), enabled, false],
  ];
  for (const [name, object, namespace, expected] of rows) assert.equal(decideInjection(object, namespace).isInjected, expected, name);
});

test('native: interception, then the proxy, then the pod’s own init containers; all of the pod stays; the patch leads there', () => {
  const own = pod(
    { labels: { app: 'x', version: 'v2' }, annotations: { a: 'b' } },
    { initContainers: [{ name: 'mine', image: 'busybox' }], volumes: [{ name: 'data', emptyDir: {} }] },
  );
  const after = injectPod(own, enabled, settings).pod;
  assert.deepEqual(applyJsonPatch(own, renderPatch(own, after)), after);
  assert.deepEqual(
    specOf(after).initContainers.map(({ name, restartPolicy }) => [name, restartPolicy]),
    [
      ['istio-init', undefined],
      ['istio-proxy', 'Always'],
      ['mine', undefined],
    ],
  );
  assert.deepEqual(
    (specOf(after).volumes as { name: string }[]).map(({ name }) => name),
    ['data', 'istio-token', 'istiod-ca-cert'],
  );
  assert.deepEqual(after.metadata.labels, {
    'service.istio.io/canonical-name': 'x',
    'service.istio.io/canonical-revision': 'v2',
    app: 'x',
    version: 'v2',
    'security.istio.io/tlsMode': 'istio',
  });
  assert.equal(after.metadata.annotations!['a'], 'b');
  const left = pod();
  assert.deepEqual(renderPatch(left, injectPod(left, { name: 'shop', labels: {} }, settings).pod), []);
});

test('classic: the proxy is the first container and holds the others; interception is the last init container', () => {
  const classic = { annotations: { 'sidecar.istio.io/nativeSidecar': 'false' } };
  const after = injected(classic, { initContainers: [{ name: 'mine', image: 'busybox' }] });
  assert.deepEqual(
    [specOf(after).initContainers.map(({ name }) => name), specOf(after).containers.map(({ name }) => name)],
    [
      ['mine', 'istio-init'],
      ['istio-proxy', 'app'],
    ],
  );
  assert.deepEqual(named(after, 'istio-proxy').lifecycle, { postStart: { exec: { command: ['pilot-agent', 'wait'] } } });
  const free = injected({ annotations: { ...classic.annotations, 'proxy.istio.io/config': 'holdApplicationUntilProxyStarts: false' } });
  assert.equal(named(free, 'istio-proxy').lifecycle, undefined);
});

test('the application is what kubectl means without a container’s name, unless the pod says another', () => {
  const names = ['container', 'logs-container'].map((name) => `kubectl.kubernetes.io/default-${name}`);
  const of = (annotations: object) => {
    const after = injected({ annotations: { 'sidecar.istio.io/nativeSidecar': 'false', ...annotations } }).metadata.annotations!;
    return names.map((name) => after[name]);
  };
  assert.deepEqual(of({}), ['app', 'app']);
  assert.deepEqual(of({ [names[0]!]: 'other' }), ['other', 'app']);
});

test('labels: the application by its workload where nothing names it, and whether clients may use mTLS as the pod says', () => {
  const of = (metadata: object) => {
    const { labels = {} } = injected(metadata).metadata;
    return [labels['service.istio.io/canonical-name'], labels['security.istio.io/tlsMode']];
  };
  const ownerReferences = [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-5f4', uid: 'u', controller: true }];
  const ofDeployment = { name: undefined, generateName: 'web-5f4-', labels: { 'pod-template-hash': '5f4' }, ownerReferences };
  assert.deepEqual(of(ofDeployment), ['web', 'istio']);
  assert.deepEqual(of({ name: `${'x'.repeat(62)}-y` }), ['x'.repeat(62), 'istio']);
  assert.deepEqual(of({ labels: { 'security.istio.io/tlsMode': 'disabled' } }), ['p', 'disabled']);
});

test('data plane: pod before namespace before mesh', () => {
  const of = (metadata: object, labels: Record<string, string>) =>
    variables(named(injected(metadata, {}, { name: 'shop', labels: { ...enabled.labels, ...labels } }), 'istio-proxy'))[
      'PALISADE_DATAPLANE'
    ];
  const key = 'palisade.dev/dataplane';
  assert.equal(of({}, {}), 'palisade');
  assert.equal(of({}, { [key]: 'envoy' }), 'envoy');
  assert.equal(of({ annotations: { [key]: 'palisade' } }, { [key]: 'envoy' }), 'palisade');
});

test('traffic annotations reach interception; the legacy profile redirects declared ports only', () => {
  const prefix = 'traffic.sidecar.istio.io/';
  const annotations = { [`${prefix}excludeInboundPorts`]: '9000', [`${prefix}includeOutboundIPRanges`]: '10.0.0.0/8' };
  assert.deepEqual(variables(named(injected({ annotations }), 'istio-init')), {
    EXCLUDE_INBOUND_PORTS: '9000',
    INCLUDE_OUTBOUND_IP_RANGES: '10.0.0.0/8',
  });
  const ports = [{ containerPort: 8080 }, { containerPort: 53, protocol: 'UDP' }, { containerPort: 9090 }];
  const spec = { containers: [{ name: 'app', image: 'x', ports }] };
  assert.deepEqual(variables(named(injected({}, spec, enabled, { profile: 'legacy' }), 'istio-init')), {
    INCLUDE_INBOUND_PORTS: '8080,9090',
  });
  assert.deepEqual(
    variables(
      named(injected({ annotations: { [`${prefix}includeInboundPorts`]: '*' } }, spec, enabled, { profile: 'legacy' }), 'istio-init'),
    ),
    { INCLUDE_INBOUND_PORTS: '*' },
  );
});

test('probes by HTTP, TCP and gRPC go to the agent; exec, and another host, stay; switched off they all stay', () => {
  const app = {
    name: 'app',
    image: 'x',
    ports: [{ name: 'web', containerPort: 8080 }],
    livenessProbe: { httpGet: { path: '/live', port: 'web', scheme: 'HTTPS' }, timeoutSeconds: 3, periodSeconds: 7 },
    readinessProbe: { tcpSocket: { port: 5432 } },
    startupProbe: { grpc: { port: 9090, service: 's' } },
  };
  const other = {
    name: 'other',
    image: 'x',
    livenessProbe: { exec: { command: ['true'] } },
    readinessProbe: { httpGet: { host: 'db', port: 80 } },
  };
  const after = injected({}, { containers: [app, other] });
  const led = (kind: string) => ({ httpGet: { path: `/app-health/app/${kind}`, port: 15_020, scheme: 'HTTP' } });
  assert.deepEqual(
    [named(after, 'app').livenessProbe, named(after, 'app').readinessProbe, named(after, 'app').startupProbe],
    [{ ...led('livez'), timeoutSeconds: 3, periodSeconds: 7 }, led('readyz'), led('startupz')],
  );
  assert.deepEqual(named(after, 'other'), other);
  assert.deepEqual(JSON.parse(variables(named(after, 'istio-proxy'))['ISTIO_KUBE_APP_PROBERS']!), {
    '/app-health/app/livez': { httpGet: { path: '/live', port: 8080, scheme: 'HTTPS' }, timeoutSeconds: 3 },
    '/app-health/app/readyz': { tcpSocket: { port: 5432 }, timeoutSeconds: 1 },
    '/app-health/app/startupz': { grpc: { port: 9090, service: 's' }, timeoutSeconds: 1 },
  });
  const hook = { name: 'app', image: 'x', lifecycle: { preStop: { httpGet: { path: '/bye', port: 80 } }, postStart: { exec: {} } } };
  const hooked = injected({}, { containers: [hook] });
  const goodbye = { path: '/app-lifecycle/app/prestopz', port: 15_020, scheme: 'HTTP' };
  assert.deepEqual(named(hooked, 'app').lifecycle, { preStop: { httpGet: goodbye }, postStart: { exec: {} } });
  const off = injected({ annotations: { 'sidecar.istio.io/rewriteAppHTTPProbers': 'false' } }, { containers: [app] });
  assert.deepEqual(named(off, 'app'), app);
});

test('a WAF in the pod, with and without the mesh; once', () => {
  const wish = { annotations: { 'palisade.dev/waf-sidecar': '8080' } };
  const names = (object: KubernetesObject) => specOf(object).initContainers.map(({ name }) => name);
  const alone = injected(wish, {}, { name: 'shop', labels: {} } as typeof enabled);
  assert.deepEqual(names(alone), ['palisade-waf-init', 'palisade-waf']);
  assert.deepEqual(variables(named(alone, 'palisade-waf-init')), { WAF_APP_PORT: '8080', WAF_PORT: '15088', WAF_USER: '1338' });
  assert.equal(variables(named(alone, 'palisade-waf'))['BACKEND'], 'http://127.0.0.1:8080');
  assert.deepEqual(names(injected(wish)), ['istio-init', 'istio-proxy', 'palisade-waf-init', 'palisade-waf']);
  const led = { path: '/app-health/palisade-waf/startupz', port: 15_020, scheme: 'HTTP' };
  assert.deepEqual(named(injected(wish), 'palisade-waf').startupProbe!.httpGet, led);
  const classic = injected({ annotations: { ...wish.annotations, 'sidecar.istio.io/nativeSidecar': 'false' } });
  assert.equal(named(classic, 'palisade-waf').startupProbe!.httpGet, undefined, 'nobody could answer for it yet');
  const again = injectPod(alone, { name: 'shop', labels: {} }, settings).pod;
  assert.equal(again, alone);
  assert.equal(names(injected({ labels: { 'palisade.dev/waf-sidecar': '80' } })).at(-1), 'palisade-waf');
});

test('a word that cannot be followed refuses the pod, naming the annotation', () => {
  for (const [annotations, message] of [
    [{ 'palisade.dev/dataplane': 'nginx' }, /palisade\.dev\/dataplane: found "nginx"/],
    [{ 'sidecar.istio.io/nativeSidecar': 'no' }, /nativeSidecar: found "no"/],
    [{ 'sidecar.istio.io/interceptionMode': 'TPROXY' }, /interceptionMode: found "TPROXY"/],
    [{ 'proxy.istio.io/config': 'holdApplicationUntilProxyStarts: 1' }, /proxy\.istio\.io\/config/],
    [{ 'proxy.istio.io/config': '- a' }, /proxy\.istio\.io\/config: found "- a", expected the fields/],
    [{ 'inject.istio.io/templates': 'gateway' }, /inject\.istio\.io\/templates: found "gateway", expected sidecar/],
    [{ 'traffic.sidecar.istio.io/excludeInboundPorts': '*' }, /io\/excludeInboundPorts: found "\*", expected a port/],
    [{ 'traffic.sidecar.istio.io/includeInboundPorts': 'bad' }, /io\/includeInboundPorts: found "bad"/],
    [{ 'traffic.sidecar.istio.io/excludeOutboundIPRanges': '*' }, /io\/excludeOutboundIPRanges: found "\*", expected a range/],
    [{ 'traffic.sidecar.istio.io/includeOutboundIPRanges': '10.0.0.0/40' }, /io\/includeOutboundIPRanges: found "10\.0\.0\.0\/40"/],
    [{ 'palisade.dev/waf-sidecar': '0' }, /waf-sidecar: found "0"/],
  ] as const)
    assert.throws(() => injected({ annotations }), message);
  assert.throws(() => injected({ annotations: { 'palisade.dev/waf-sidecar': '80' } }, { hostNetwork: true }), /host’s network/);
  const nameless = { containers: [{ name: 'app', image: 'x', livenessProbe: { tcpSocket: { port: 'web' } } }] };
  assert.throws(() => injected({}, nameless), /container "app": a probe asks at port "web"/);
});

test('inline: no init container; a namespace that says so lets no pod out, unless it says that this is meant', () => {
  const labels = { 'istio-injection': 'enabled', 'palisade.dev/interception': 'inline' };
  const namespace = { name: 'shop', labels };
  const after = injected({}, {}, namespace);
  assert.deepEqual(
    [specOf(after).initContainers.map(({ name }) => name), variables(named(after, 'istio-proxy'))['PALISADE_INTERCEPTION']],
    [['istio-proxy'], 'inline'],
  );
  assert.equal(after.metadata.annotations!['palisade.dev/interception'], 'inline');
  const privileged = { containers: [{ name: 'app', image: 'x', securityContext: { privileged: true } }] };
  const rows: [object, object, RegExp][] = [
    [{ labels: { [inject]: 'false' } }, {}, /sidecar\.istio\.io\/inject=false/],
    [{ annotations: { [inject]: 'false' } }, {}, /sidecar\.istio\.io\/inject=false/],
    [{ annotations: { 'palisade.dev/interception': 'redirect' } }, {}, /interception=redirect/],
    [{ annotations: { 'traffic.sidecar.istio.io/excludeOutboundPorts': '443' } }, {}, /excludeOutboundPorts/],
    [{}, { hostNetwork: true }, /hostNetwork/],
    [{}, privileged, /container "app" is privileged/],
    [{}, { initContainers: [{ ...privileged.containers[0], name: 'first' }] }, /container "first" is privileged/],
    [{}, { initContainers: [{ name: 'istio-proxy', image: 'x' }] }, /container "istio-proxy" is the pod’s own/],
    [{}, { containers: [{ name: 'istio-proxy', image: settings.image, args: ['proxy', 'sidecar'] }] }, /is the pod’s own/],
  ];
  for (const [metadata, spec, message] of rows) {
    assert.throws(() => injected(metadata, spec, namespace), message);
    const { annotations = {} } = metadata as { annotations?: Record<string, string> };
    const outside = { ...annotations, 'palisade.dev/escape': 'allowed', 'palisade.dev/interception': 'redirect' };
    injected({ ...metadata, annotations: outside }, spec, namespace);
  }
  assert.equal(injectPod(after, namespace, settings).pod, after, 'injected already');
  const both = { 'palisade.dev/interception': 'inline', 'traffic.sidecar.istio.io/excludeInboundPorts': '80' };
  assert.throws(
    () => injected({ annotations: both }),
    /excludeInboundPorts: palisade\.dev\/interception is inline, which takes everything/,
  );
  const asUser = { containers: [{ name: 'app', image: 'x', securityContext: { runAsUser: 1337 } }] };
  assert.deepEqual(injectPod(pod({}, asUser), namespace, settings).warnings, [], 'user 1337 leads nowhere there');
});

test('redirect: what a manifest opens past the proxy is told to whoever applies it', () => {
  const powers = { securityContext: { runAsUser: 1337, capabilities: { add: ['NET_ADMIN'] } } };
  const metadata = { annotations: { [inject]: 'false', 'traffic.sidecar.istio.io/excludeInboundPorts': '80' } };
  const { warnings } = injectPod(pod(metadata, { containers: [{ name: 'app', image: 'x', ...powers }] }), enabled, settings);
  assert.deepEqual(warnings, [
    'past the mesh: sidecar.istio.io/inject=false: it has no proxy',
    'past the mesh: traffic.sidecar.istio.io/excludeInboundPorts: that traffic is left alone',
    'past the mesh: container "app": runs as user 1337, whose traffic is exempt',
    'past the mesh: container "app": has NET_ADMIN and can change the rules',
  ]);
  assert.deepEqual(injectPod(pod(), enabled, settings).warnings, []);
});

test('annotations of Istio’s that nothing follows are told to whoever applied them', () => {
  const annotations = {
    'sidecar.istio.io/userVolume': '{}',
    'sidecar.istio.io/proxyCPU': '1',
    'status.sidecar.istio.io/port': '15021',
    'proxy.istio.io/config': '{concurrency: 2, holdApplicationUntilProxyStarts: true}',
    'example.com/other': 'x',
  };
  assert.deepEqual(injectPod(pod({ annotations }), enabled, settings).warnings, [
    'sidecar.istio.io/userVolume is not yet supported and has no effect',
    'status.sidecar.istio.io/port is not yet supported and has no effect',
    'proxy.istio.io/config: concurrency is not yet supported and has no effect',
  ]);
  assert.deepEqual(injectPod(pod({ annotations }), { name: 'shop', labels: {} }, settings).warnings, []);
});

test('proxyMetadata: variables of the proxy, none of ours replaced; a wrong one refuses the pod', () => {
  const of = (config: string) => injected({ annotations: { 'proxy.istio.io/config': config } });
  const env = named(of('proxyMetadata: {SECRET_TTL: 30m, CA_ADDR: elsewhere}'), 'istio-proxy')['env'] as { name: string; value?: string }[];
  assert.equal(env.find(({ name }) => name === 'SECRET_TTL')?.value, '30m');
  assert.equal(env.findLast(({ name }) => name === 'CA_ADDR')?.value, settings.discoveryAddress);
  assert.throws(() => of('proxyMetadata: {SECRET_TTL: 30}'), /SECRET_TTL is 30/);
  for (const ruling of ['PALISADE_PROXY_COMMAND', 'NODE_OPTIONS', 'LD_PRELOAD', 'PATH'])
    assert.throws(() => of(`proxyMetadata: {${ruling}: x}`), new RegExp(`${ruling} decides what runs`));
});
