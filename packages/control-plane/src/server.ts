/** The control plane's parts on one API: discovery and certificates on 15012, webhooks on 15017, readiness on 8080, debugging on loopback. */
import { createServer as createHttpServer } from 'node:http';
import { createSecureServer } from 'node:http2';
import type { Server } from 'node:net';
import type { SigningEdges } from '@palisade/identity';
import type { ApiClient } from '@palisade/kubernetes';
import { createInformer } from '@palisade/kubernetes/client';
import { readWorkload } from '@palisade/mesh/traffic';
import { createGrpcHandler } from '@palisade/xds/grpc';
import { createDiscoveryMethods } from '@palisade/xds/server';
import { createAuthorityKeeper } from './authority/keeper.ts';
import { createServingCertificate } from './authority/serving.ts';
import { createCertificateMethods } from './certificate-service.ts';
import { createCredentials } from './credentials.ts';
import { createConnectedProxies } from './debug/connected.ts';
import { createDebugListener } from './debug/listener.ts';
import { tellEscape } from './escape-events.ts';
import { injectPod } from './inject/inject.ts';
import { renderPatch } from './inject/patch.ts';
import { createKeySets } from './key-sets.ts';
import { watchMesh } from './mesh-state.ts';
import { createPeerFeed, isAgent } from './peers.ts';
import { hasAnchors, publishAnchors, publishWebhooks, rootCertName } from './publish.ts';
import { createPushes } from './pushes.ts';
import { readSettings } from './settings.ts';
import { createTokenReviewer, type ProxyIdentity } from './token.ts';
import { createWebhookServer } from './webhook.ts';

export interface ControlPlaneOptions {
  readonly client: ApiClient;
  /** The root namespace: `istio-system`. */
  readonly namespace: string;
  readonly edges: SigningEdges;
  readonly signal: AbortSignal;
  log(message: string): void;
  /** 0 = any free one. */
  readonly ports: { readonly discovery: number; readonly webhook: number; readonly monitoring: number; readonly debug: number };
  /** This process's own name in `proxy-status`: its pod's. */
  readonly name: string;
  readonly dataplane: 'palisade' | 'envoy';
}

/** How often is looked whether our own certificate is due; a change of a Secret is seen at once, a new root signs when it is due. */
const authorityLookMs = 30_000;

/** How often is looked whether a key set is due. */
const keySetLookMs = 5000;

export async function startControlPlane(options: ControlPlaneOptions) {
  const { client, namespace, edges, signal, log } = options;
  const later = (action: () => void, ms: number) => void setTimeout(action, ms);
  const keySets = createKeySets({ now: edges.now, allowed: () => settings.jwksNetworks, log });
  const state = watchMesh(client, signal, log, keySets.find);
  await state.hasSynced();
  const readConfig = () => (state.informers.configMaps.get(`${namespace}/istio`)?.['data'] as Record<string, string> | undefined)?.['mesh'];
  let read = readConfig();
  // There is none before it: what cannot be read ends the start, or identities and limits would be others than written.
  let settings = readSettings(read, namespace);
  const refreshSettings = () => {
    const text = readConfig();
    // The same text keeps the same settings: new ones would compile every proxy again.
    if (text === read) return;
    read = text;
    try {
      settings = readSettings(read, namespace);
      pushes.schedule();
      refreshKeySets();
    } catch (error) {
      log(`MeshConfig is not taken, the one before stays: ${(error as Error).message}`);
    }
  };
  const keeper = await createAuthorityKeeper({
    client,
    namespace,
    trustDomain: () => settings.trustDomains.local,
    edges,
    distributionMs: () => settings.caDistributionMs,
    log,
  });
  const names = ['istiod', `istiod.${namespace}`, `istiod.${namespace}.svc`, `istiod.${namespace}.svc.${settings.clusterDomain}`];
  const serving = await createServingCertificate(names, keeper.authority(), edges);

  const authenticate = createTokenReviewer(client, () => settings.trustDomains.local);
  const credentials = createCredentials({ client, signal, now: edges.now, log, changed: () => pushes.schedule() });
  const pushes = createPushes({
    snapshot: () => state.snapshot(settings),
    workloadOf({ id, pod }) {
      const found = pod === undefined ? undefined : state.informers.pods.get(`${id.namespace}/${pod}`);
      const workload = found && readWorkload(found);
      // What is watched may still show a pod of that name from before, which was somebody else.
      return workload?.serviceAccount === id.serviceAccount && workload.addresses.length > 0 ? workload : undefined;
    },
    secretsFor: credentials.secretsFor,
    later,
    log,
  });
  const tokenKinds = (['requestAuthentications', 'policies', 'meshPolicies'] as const).map((kind) => state.informers[kind]);
  const refreshKeySets = () => {
    if (tokenKinds.every((informer) => informer.list().length === 0)) return;
    void keySets.refresh(state.snapshot(settings)).then(
      (isChanged) => isChanged && pushes.schedule(),
      (error) => log(`key sets: ${(error as Error).message}`),
    );
  };
  state.onChange(pushes.schedule);
  state.informers.configMaps.onChange(refreshSettings);
  for (const informer of tokenKinds) informer.onChange(refreshKeySets);
  const keySetTimer = setInterval(refreshKeySets, keySetLookMs);
  keySetTimer.unref();
  signal.addEventListener('abort', () => clearInterval(keySetTimer));
  const peers = createPeerFeed<ProxyIdentity>({ pods: state.informers.pods.list, later });
  state.informers.pods.onChange(peers.schedule);
  const proxies = createConnectedProxies();
  const discovery = createSecureServer({ ...serving.current(), allowHTTP1: false });
  discovery.on(
    'stream',
    createGrpcHandler({
      ...createDiscoveryMethods<ProxyIdentity>({
        authenticate,
        connected(real) {
          if (isAgent(real.node.id)) return peers.add(real);
          const { connection, gone } = proxies.add(real);
          const removed = pushes.add(connection);
          return () => {
            removed();
            gone();
          };
        },
      }),
      ...createCertificateMethods({
        authority: keeper.authority,
        edges,
        authenticate,
        trustDomains: () => settings.trustDomains,
      }),
    }),
  );
  discovery.on('sessionError', () => {});
  const webhook = createWebhookServer(serving.current(), {
    clusterDomain: () => settings.clusterDomain,
    async inject(pod, podNamespace) {
      // Asked, not taken from what is watched: that may be behind the API server, and a namespace just labelled would get no proxies.
      const { metadata } = await client.get({ group: '', version: 'v1', resource: 'namespaces' }, { name: podNamespace });
      const { labels = {} } = metadata;
      const { pod: injected, warnings } = injectPod(
        pod,
        { name: podNamespace, labels },
        {
          image: 'palisade/proxy',
          discoveryAddress: `istiod.${namespace}.svc:15012`,
          trustDomain: settings.trustDomains.local,
          dataplane: options.dataplane,
          profile: settings.profile,
          interception: settings.interception,
        },
      );
      return { patch: renderPatch(pod, injected), warnings };
    },
  });
  const debug = createHttpServer(createDebugListener(proxies, options.name));
  const monitoring = createHttpServer((request, response) => {
    if (request.url === '/ready') response.end('ready\n');
    else response.writeHead(404).end();
  });
  const anchors = (name: string) =>
    publishAnchors(client, name, keeper.anchorsPem()).catch((error) =>
      log(`trust anchors for namespace ${name}: ${(error as Error).message}`),
    );
  state.informers.namespaces.onChange((type, object) => {
    if (type === 'ADDED' && object.metadata.deletionTimestamp === undefined) void anchors(object.metadata.name!);
  });
  // After a write that failed too, and where somebody deleted it: without it no pod of the namespace starts.
  const spreadAnchors = () => {
    for (const { metadata } of state.informers.namespaces.list()) {
      const isThere = hasAnchors(state.informers.configMaps.get(`${metadata.name}/${rootCertName}`), keeper.anchorsPem());
      if (!isThere && metadata.deletionTimestamp === undefined) void anchors(metadata.name!);
    }
  };
  state.informers.configMaps.onChange((type, { metadata }) => {
    if (type === 'DELETED' && metadata.name === rootCertName) spreadAnchors();
  });
  state.informers.pods.onChange((type, pod) => {
    if (type !== 'ADDED') return;
    const labels = state.informers.namespaces.get(pod.metadata.namespace ?? '')?.metadata.labels ?? {};
    tellEscape(client, pod, labels, edges.now()).catch((error) => log(`event for ${pod.metadata.name}: ${(error as Error).message}`));
  });
  const ports = {
    discovery: await listen(discovery as unknown as Server, options.ports.discovery),
    webhook: await listen(webhook, options.ports.webhook),
    monitoring: await listen(monitoring, options.ports.monitoring),
    debug: await listen(debug, options.ports.debug, '127.0.0.1'),
  };
  await publishWebhooks(client, namespace, keeper.anchorsPem());
  const refreshServing = async () => {
    if (!(await serving.refresh(keeper.authority()))) return;
    discovery.setSecureContext(serving.current());
    webhook.setSecureContext(serving.current());
  };
  keeper.onChange(() => {
    publishWebhooks(client, namespace, keeper.anchorsPem()).catch((error) => log(`webhooks: ${(error as Error).message}`));
  });
  let authorityTimer: NodeJS.Timeout | undefined;
  const lookLater = () => {
    clearTimeout(authorityTimer);
    if (signal.aborted) return;
    const untilSigns = (keeper.signsFrom()?.getTime() ?? 0) - edges.now().getTime();
    authorityTimer = setTimeout(refreshAuthority, untilSigns > 0 ? Math.min(untilSigns, authorityLookMs) : authorityLookMs);
    authorityTimer.unref();
  };
  const refreshAuthority = () =>
    void keeper
      .refresh()
      .then(spreadAnchors)
      .then(refreshServing)
      .catch((error) => log(`our own certificate: ${(error as Error).message}`))
      .then(lookLater);
  const secrets = createInformer(
    client,
    { group: '', version: 'v1', resource: 'secrets' },
    { namespace, onError: (error) => log(`secrets: ${String(error)}`) },
  );
  secrets.onChange(refreshAuthority);
  secrets.start(signal);
  lookLater();
  signal.addEventListener('abort', () => clearTimeout(authorityTimer));
  log(`serving discovery on ${ports.discovery}, webhooks on ${ports.webhook}, trust domain ${settings.trustDomains.local}`);
  return {
    ports,
    authority: keeper.authority,
    pushes,
    async close() {
      for (const connection of pushes.connections) connection.close(14, 'the control plane is stopping');
      await Promise.all([discovery, webhook, monitoring, debug].map((server) => new Promise((resolve) => server.close(resolve))));
    },
  };
}

function listen(server: Server, port: number, address = '::'): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, address, () => resolve((server.address() as { port: number }).port));
  });
}
