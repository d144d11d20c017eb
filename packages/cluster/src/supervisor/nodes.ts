import { join } from 'node:path';
import type { KubernetesObject } from '@palisade/kubernetes';
import type { Kubelet } from '../contract.ts';
import {
  createImageRegistry,
  type ImagePaths,
  meshImages,
  microsimImages,
  modsecurityImage,
  readUserImages,
  toolImages,
} from '../images/index.ts';
import { createKubelet, type NodeAgent, type PodReference, type RunningPod } from '../node/kubelet/index.ts';
import { resolvConfFor } from './dns.ts';
import { nodesFolder } from './leftovers.ts';
import { localVolumes } from './local-volumes.ts';
import type { NetworkParts } from './network.ts';
import { type Parts, repositoryRoot } from './parts.ts';

export interface Nodes {
  running(): readonly RunningPod[];
  stop(): Promise<void>;
}

/** Starts a kubelet for each virtual node and registers it with the API server's look-up. */
export async function startNodes(parts: Parts, network: NetworkParts, kubelets: Map<string, Kubelet>): Promise<Nodes> {
  const { config, client, informers, sink, log, programsRoot } = parts;
  const paths: ImagePaths = {
    toolsRoot: join(config.cacheDir, 'tools', 'root'),
    repositoryRoot,
    programsRoot,
    nodeExecutable: process.execPath,
  };
  const images = createImageRegistry({
    builtin: [...microsimImages(paths), ...meshImages(paths), modsecurityImage(paths), ...toolImages(paths)],
    folders: config.imageDirs,
    readFolder: readUserImages,
  });
  const agents: NodeAgent[] = network.nodes.map((node) =>
    createKubelet({
      network: node,
      client,
      images,
      stateDir: join(nodesFolder(config.stateDir), node.node.name),
      runDir: join('/run/palisade', node.node.name),
      toolsRoot: paths.toolsRoot,
      issueToken: (pod, audience, seconds) => issueToken(parts, pod, audience, seconds),
      resolvConf: resolvConfFor,
      sink,
      informers,
      hostPathRoots: config.hostPathRoot === undefined ? [] : [config.hostPathRoot],
      volumesRoot: localVolumes(config.stateDir).root,
      log,
    }),
  );
  network.nodes.forEach((node, index) => {
    kubelets.set(node.node.name, agents[index]!);
  });
  await Promise.all(agents.map((agent) => agent.start()));
  return {
    running: () => agents.flatMap((agent) => agent.running()),
    async stop() {
      await Promise.all(agents.map((agent) => agent.stop()));
    },
  };
}

async function issueToken(parts: Parts, pod: PodReference, audience: string | undefined, expirationSeconds: number) {
  const request: KubernetesObject = {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    metadata: {},
    spec: {
      audiences: audience === undefined ? [] : [audience],
      expirationSeconds,
      boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: pod.name, uid: pod.uid },
    },
  };
  const answer = await parts.client.create(
    { group: '', version: 'v1', resource: 'serviceaccounts' },
    request,
    { namespace: pod.namespace, name: pod.serviceAccountName },
    { subresource: 'token' },
  );
  return { token: String(answer['status'].token), expirationTimestamp: String(answer['status'].expirationTimestamp) };
}
