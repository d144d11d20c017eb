import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { FlowRecord } from '@palisade/flow';
import type { ApiClient, KubernetesObject } from '@palisade/kubernetes';
import { type Clock, systemClock } from '@palisade/kubernetes/client';
import type { Kubelet, NodeNetwork } from '../../contract.ts';
import { createEventRecorder } from '../../controllers/runtime/events.ts';
import type { ImageRegistry } from '../../images/index.ts';
import { type MachineInfo, markNodeStopped, readMachineInfo, registerNode } from './node-status.ts';
import type { IssueToken, NodeContext } from './pod/context.ts';
import { type RunningPod, runningPod } from './pod/running.ts';
import { createSlots } from './pod/slots.ts';
import { PodWorker } from './pod/worker.ts';
import type { Pod } from './pod-types.ts';
import { type Cgroups, cgroupPrefix, createCgroups } from './runtime/cgroups.ts';
import { prepareMachine, releaseMachine } from './runtime/machine.ts';
import { removeTree } from './runtime/remove-tree.ts';
import { createSharedInformers, type SharedInformers, startSharedInformers } from './shared-informers.ts';
import { createKubeletApi } from './streams/kubelet-api.ts';

export interface KubeletOptions {
  readonly network: NodeNetwork;
  readonly client: ApiClient;
  readonly images: ImageRegistry;
  /** Folder of this node on disk (logs, emptyDir volumes); made when missing. */
  readonly stateDir: string;
  /** Mount point for this node's tmpfs (secrets, tokens, synthetic files); made when missing. The mount namespace must be private. */
  readonly runDir: string;
  /** `ImagePaths.toolsRoot`. */
  readonly toolsRoot: string;
  readonly issueToken: IssueToken;
  /** Text of /etc/resolv.conf for a pod, by its dnsPolicy and dnsConfig. */
  readonly resolvConf: (pod: KubernetesObject) => string;
  readonly sink: (record: FlowRecord) => void;
  /** Watches to share between nodes; without, the kubelet makes its own. */
  readonly informers?: SharedInformers;
  /** Folders below which hostPath volumes may lie. Default none. */
  readonly hostPathRoots?: readonly string[];
  /** Folder below which persistent volumes of the cluster's own provisioner lie. */
  readonly volumesRoot?: string;
  /** Shown as the node's kubelet version. */
  readonly version?: string;
  readonly clock?: Clock;
  readonly machineInfo?: MachineInfo;
  readonly log?: (level: 'debug' | 'warn', message: string) => void;
}

export interface NodeAgent extends Kubelet {
  /** Cleans up after an earlier life, registers the node and begins to work. */
  start(): Promise<void>;
  /** Ends all containers (objects stay as they are) and gives back mounts and control groups. Default grace 2 s. */
  stop(graceSeconds?: number): Promise<void>;
  /** The node's pods with their running containers. */
  running(): readonly RunningPod[];
}

/** More at the same time only makes each start slower: a start is processor time. */
const CONCURRENT_STARTS = 6;
const HEARTBEAT_MS = 60_000;

/** The node agent of one virtual node. Must run as root in the supervisor's namespaces. */
export function createKubelet(options: KubeletOptions): NodeAgent {
  const { client, network, clock = systemClock, log = () => {} } = options;
  const nodeName = network.node.name;
  const info = options.machineInfo ?? readMachineInfo();
  const version = options.version ?? 'v1.34.4-palisade';
  const informers = options.informers ?? createSharedInformers(client, { clock });
  const lifetime = new AbortController();
  const workers = new Map<string, PodWorker>();
  const events = createEventRecorder({ client, clock, component: 'kubelet', host: nodeName, log });
  let cancelHeartbeat = () => {};
  let isStarted = false;
  let isStopping = false;
  let cgroups: Cgroups | undefined;

  async function makeContext(): Promise<NodeContext> {
    cgroups = createCgroups(cgroupPrefix(options.stateDir));
    await cgroups.removeAll();
    cgroups.removeStale(clock.now());
    if (cgroups.missing.length > 0)
      log('warn', `node ${nodeName}: limits are not enforced for ${cgroups.missing.join(', ')}: no writable control group`);
    return {
      network,
      client,
      images: options.images,
      machine: prepareMachine({ runDir: options.runDir, toolsRoot: options.toolsRoot }),
      cgroups,
      clock,
      events,
      stateDir: options.stateDir,
      hostPathRoots: options.hostPathRoots ?? [],
      volumesRoot: options.volumesRoot,
      issueToken: options.issueToken,
      resolvConf: options.resolvConf,
      config: (namespace) => ({
        configMap: (name) => informers.configMaps.get(`${namespace}/${name}`),
        secret: (name) => informers.secrets.get(`${namespace}/${name}`),
        claim: (name) => informers.claims.get(`${namespace}/${name}`),
        persistentVolume: (name) => informers.persistentVolumes.get(name),
      }),
      services: (namespace) => informers.services.list(namespace),
      sink: options.sink,
      startSlots: createSlots(CONCURRENT_STARTS),
      nodeCapacity: { cpu: info.cpus, memoryBytes: info.memoryBytes },
      log,
    };
  }

  /** emptyDir volumes and logs of pods that are gone, or whose containers are (all of them, after a crash). */
  async function removeLeftovers(): Promise<void> {
    const folder = join(options.stateDir, 'pods');
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const known = new Set(informers.pods.list().map((pod) => pod.metadata.uid));
    for (const uid of readdirSync(folder)) await removeTree(known.has(uid) ? join(folder, uid, 'volumes') : join(folder, uid));
  }

  function podChanged(context: NodeContext, type: 'ADDED' | 'MODIFIED' | 'DELETED', pod: Pod): void {
    const uid = pod.metadata.uid ?? '';
    const worker = workers.get(uid);
    if (type === 'DELETED') {
      if (worker === undefined) return;
      worker.objectGone();
      void worker.done
        ?.catch(() => {})
        .then(() => {
          worker.place.forget();
          if (workers.get(uid) === worker) workers.delete(uid);
        });
    } else if (worker !== undefined) worker.update(pod);
    else if (pod.spec.nodeName === nodeName && !isStopping) workers.set(uid, new PodWorker(context, pod));
  }

  /** A ConfigMap, Secret or claim changed: pods of its namespace that name it look again. */
  function configChanged(object: KubernetesObject): void {
    const name = `"${object.metadata.name}"`;
    for (const worker of workers.values()) {
      if (worker.pod.metadata.namespace === object.metadata.namespace && JSON.stringify(worker.pod.spec).includes(name)) worker.retry();
    }
  }

  function heartbeat(): void {
    cancelHeartbeat = clock.after(HEARTBEAT_MS, () => {
      registerNode(client, network.node, info, version, clock.now())
        .catch((error: unknown) => log('warn', `status of node ${nodeName}: ${String(error)}`))
        .finally(heartbeat);
    });
  }

  const api = createKubeletApi(
    (namespace, name) => [...workers.values()].find(({ pod }) => pod.metadata.namespace === namespace && pod.metadata.name === name),
    () => clock.now(),
  );
  return {
    ...api,
    running: () => [...workers.values()].map(runningPod),
    async start() {
      if (isStarted) return;
      isStarted = true;
      await startSharedInformers(informers, lifetime.signal);
      await removeLeftovers();
      const context = await makeContext();
      await registerNode(client, network.node, info, version, clock.now());
      informers.pods.onChange((type, pod) => podChanged(context, type, pod));
      informers.configMaps.onChange((_, object) => configChanged(object));
      informers.secrets.onChange((_, object) => configChanged(object));
      informers.claims.onChange((_, object) => configChanged(object));
      heartbeat();
    },
    async stop(graceSeconds = 2) {
      isStopping = true;
      cancelHeartbeat();
      await Promise.all([...workers.values()].map((worker) => worker.shutdown(graceSeconds)));
      workers.clear();
      await markNodeStopped(client, nodeName, clock.now()).catch(() => {});
      await events.flush();
      lifetime.abort();
      await cgroups?.removeAll();
      releaseMachine(options.runDir);
    },
  };
}
