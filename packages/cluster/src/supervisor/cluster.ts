/** Wires the parts of the embedded cluster (contract.ts) into one running whole. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SchemaRegistry } from '@palisade/kubernetes';
import { systemClock } from '@palisade/kubernetes/client';
import { createFlowHandler, FlowRing, observeGroup } from '@palisade/observe';
import { type ApiServer, createApiServer, SYSTEM_USER } from '../apiserver/index.ts';
import type { AggregatedHandler, Kubelet } from '../contract.ts';
import { startControllers } from '../controllers/index.ts';
import { bundlePrograms, markUsed } from '../images/index.ts';
import { metricsDiscovery, metricsGroup } from '../metrics/index.ts';
import { createFabric, HOST_ADDRESSES, listenIn } from '../node/network/index.ts';
import { ensureApiServices } from './api-services.ts';
import { ensureDnsService, startDns } from './dns.ts';
import { enrichFlow } from './enrich.ts';
import { startInformers } from './informers.ts';
import { ensureStorageClass, localVolumes } from './local-volumes.ts';
import { ensureMesh, ensureMeshKinds } from './mesh/index.ts';
import { createMetrics } from './metrics.ts';
import { type NetworkParts, startNetwork } from './network.ts';
import { startNodes } from './nodes.ts';
import { ensureSystemService } from './objects.ts';
import { clusterDomain, type Log, type Parts, repositoryRoot } from './parts.ts';
import { ensurePolicyKinds } from './policy-kinds/index.ts';
import { giveToUser, type SupervisorConfig } from './state.ts';

export interface Cluster {
  readonly server: string;
  readonly kubeconfig: string;
  close(): Promise<void>;
}

const inClusterApiPort = 6443;
const dayMs = 24 * 3600 * 1000;

/** Resolves when the API answers and the nodes are registered; pods of an earlier life come back after that. */
export async function startCluster(config: SupervisorConfig, log: Log): Promise<Cluster> {
  const ring = new FlowRing();
  const kubelets = new Map<string, Kubelet>();
  const registry = SchemaRegistry.builtin();
  const lifetime = new AbortController();
  const metrics = createMetrics();
  let network: NetworkParts | undefined;
  const [api, fabric, programsRoot] = await Promise.all([
    createApiServer({
      stateDir: join(config.stateDir, 'api'),
      clock: () => new Date(),
      clusterDomain,
      kubelets: (name) => kubelets.get(name),
      aggregated: new Map<string, AggregatedHandler>([
        [observeGroup, createFlowHandler(ring)],
        [metricsGroup, metrics.handler],
      ]),
      foreignGroups: () => [metricsDiscovery],
      extraAddresses: HOST_ADDRESSES,
      // As a real API server on a node: Services are reached through that node's rules, and pods see the node's address.
      dialAddress: async (host, port, timeoutMs) => {
        const node = network?.nodes[0];
        if (node === undefined) throw new Error("the cluster's network is not up yet");
        return node.connect(host, port, timeoutMs);
      },
      audit: ({ user, resource, namespace, name, text }) => log('warn', `audit: ${user} wrote ${resource} ${namespace}/${name}: ${text}`),
      registry,
    }),
    createFabric(config.nodes),
    bundlePrograms(repositoryRoot, join(config.cacheDir, 'programs')),
  ]);
  const port = await listenPreferring(api, config.apiPort);
  const server = `https://127.0.0.1:${port}`;
  const kubeconfig = join(config.stateDir, 'kubeconfig');
  writeFileSync(kubeconfig, await api.kubeconfig(server, config.name), { mode: 0o600 });
  giveToUser(kubeconfig);

  const client = api.localClient(SYSTEM_USER);
  await ensurePolicyKinds(client);
  const informers = startInformers(client, lifetime.signal);
  const parts: Parts = {
    config,
    log,
    signal: lifetime.signal,
    api,
    client,
    fabric,
    programsRoot,
    informers,
    sink: (record) => ring.add(enrichFlow(record, parts.endpointOf)),
    endpointOf: (ip, peerPort) => network?.endpointOf(ip, peerPort) ?? { ip, port: peerPort },
  };
  network = await startNetwork(parts);
  const controllers = startControllers({
    client,
    clock: systemClock,
    signal: lifetime.signal,
    log,
    caCertificatePem: api.caCertificatePem,
    certificateRequests: api.certificateRequests,
    resources: () => registry.resources(),
    volumes: localVolumes(config.stateDir),
  });
  await Promise.all([
    ...HOST_ADDRESSES.map((address) => listenIn(fabric.netns, address, inClusterApiPort, (socket) => api.handleConnection(socket))),
    ensureSystemService(client, {
      namespace: 'default',
      name: 'kubernetes',
      labels: { component: 'apiserver', provider: 'kubernetes' },
      clusterIPs: api.serviceAddresses,
      ports: [{ name: 'https', port: 443, protocol: 'TCP', targetPort: inClusterApiPort }],
      endpoints: HOST_ADDRESSES,
    }),
    ensureDnsService(client),
    ensureStorageClass(client),
    ensureApiServices(client),
    startDns(parts, network.resolved),
  ]);
  const nodes = await startNodes(parts, network, kubelets);
  if (config.mesh !== undefined) {
    await ensureMeshKinds(client);
    // Its pods start like any others: nobody's API waits for them.
    void ensureMesh(client, config.mesh).catch((error) => log('error', `the mesh is not installed: ${String(error)}`));
  }
  metrics.start(client, nodes);
  const daily = setInterval(() => markUsed(programsRoot), dayMs);
  log('info', `ready at ${server}, nodes ${config.nodes.join(', ')}`);
  return {
    server,
    kubeconfig,
    async close() {
      clearInterval(daily);
      metrics.close();
      await nodes.stop();
      lifetime.abort();
      await controllers.stop();
      await network.close();
      await api.close();
    },
  };
}

async function listenPreferring(api: ApiServer, port: number): Promise<number> {
  try {
    return (await api.listen('127.0.0.1', port)).port;
  } catch (error) {
    if (port === 0 || (error as { code?: string }).code !== 'EADDRINUSE') throw error;
    return (await api.listen('127.0.0.1', 0)).port;
  }
}
