import { readFileSync } from 'node:fs';
import { availableParallelism, hostname, release, totalmem } from 'node:os';
import { type ApiClient, isStatusError, type KubernetesObject, PatchType } from '@palisade/kubernetes';
import type { NodeIdentity } from '../../contract.ts';
import { wireTime } from './pod/instance.ts';

export const NODES = { group: '', version: 'v1', resource: 'nodes' } as const;

/** What a node says of itself. Taken as a value, so that tests need no machine. */
export interface MachineInfo {
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly architecture: string;
  readonly kernelVersion: string;
  readonly osImage: string;
  readonly machineId: string;
  readonly bootId: string;
}

/** kubelet's default. */
export const MAX_PODS = 110;
const RUNTIME = 'palisade://0.1.0';

export function readMachineInfo(): MachineInfo {
  return {
    cpus: availableParallelism(),
    memoryBytes: totalmem(),
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    kernelVersion: release(),
    osImage: /^PRETTY_NAME="?(.*?)"?$/m.exec(readText('/etc/os-release'))?.[1] ?? 'Linux',
    machineId: readText('/etc/machine-id').trim() || hostname(),
    bootId: readText('/proc/sys/kernel/random/boot_id').trim(),
  };
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** @param version of Kubernetes that the cluster claims to be, such as `v1.34.4-palisade` */
export function renderNode(node: NodeIdentity, info: MachineInfo, version: string, now: Date, before?: KubernetesObject): KubernetesObject {
  const at = wireTime(now);
  const labels = {
    'beta.kubernetes.io/arch': info.architecture,
    'beta.kubernetes.io/os': 'linux',
    'kubernetes.io/arch': info.architecture,
    'kubernetes.io/hostname': node.name,
    'kubernetes.io/os': 'linux',
  };
  const conditions = [
    ['MemoryPressure', 'False', 'KubeletHasSufficientMemory', 'kubelet has sufficient memory available'],
    ['DiskPressure', 'False', 'KubeletHasNoDiskPressure', 'kubelet has no disk pressure'],
    ['PIDPressure', 'False', 'KubeletHasSufficientPID', 'kubelet has sufficient PID available'],
    ['Ready', 'True', 'KubeletReady', 'kubelet is posting ready status'],
  ].map(([type, status, reason, message]) => {
    const old = (before?.['status']?.conditions as { type: string; status: string; lastTransitionTime?: string }[] | undefined)?.find(
      (each) => each.type === type,
    );
    return {
      type,
      status,
      lastHeartbeatTime: at,
      lastTransitionTime: old?.status === status && old?.lastTransitionTime ? old.lastTransitionTime : at,
      reason,
      message,
    };
  });
  const resources = {
    cpu: String(info.cpus),
    memory: `${Math.floor(info.memoryBytes / 1024)}Ki`,
    pods: String(MAX_PODS),
    'ephemeral-storage': '20Gi',
  };
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: node.name, labels: { ...before?.metadata.labels, ...labels } },
    spec: { podCIDR: node.podCIDRs[0], podCIDRs: [...node.podCIDRs] },
    status: {
      capacity: resources,
      allocatable: resources,
      conditions,
      addresses: [...node.addresses.map((address) => ({ type: 'InternalIP', address })), { type: 'Hostname', address: node.name }],
      daemonEndpoints: { kubeletEndpoint: { Port: 10250 } },
      nodeInfo: {
        architecture: info.architecture,
        bootID: info.bootId,
        containerRuntimeVersion: RUNTIME,
        kernelVersion: info.kernelVersion,
        kubeProxyVersion: '',
        kubeletVersion: version,
        machineID: info.machineId,
        operatingSystem: 'linux',
        osImage: info.osImage,
        systemUUID: info.machineId,
      },
    },
  };
}

/** Creates the Node object, or brings it up to date; labels, taints and annotations that users added stay. */
export async function registerNode(client: ApiClient, node: NodeIdentity, info: MachineInfo, version: string, now: Date): Promise<void> {
  const before = await client.get(NODES, { name: node.name }).catch((error: unknown) => {
    if (isStatusError(error, 'NotFound')) return undefined;
    throw error;
  });
  const wanted = renderNode(node, info, version, now, before);
  if (before === undefined) await client.create(NODES, { ...wanted, status: undefined });
  else
    await client.patch(NODES, { name: node.name }, PatchType.merge, { metadata: { labels: wanted.metadata.labels }, spec: wanted['spec'] });
  await client.patch(NODES, { name: node.name }, PatchType.merge, { status: wanted['status'] }, { subresource: 'status' });
}

/** A node that stops on purpose says so: its pods are not moved at once, but nothing new comes here. */
export async function markNodeStopped(client: ApiClient, name: string, now: Date): Promise<void> {
  const before = await client.get(NODES, { name });
  const at = wireTime(now);
  const conditions = ((before['status']?.conditions ?? []) as { type: string; status: string }[]).map((condition) =>
    condition.type !== 'Ready'
      ? condition
      : {
          ...condition,
          status: 'False',
          reason: 'KubeletNotReady',
          message: 'node is shutting down',
          lastHeartbeatTime: at,
          lastTransitionTime: at,
        },
  );
  await client.patch(NODES, { name }, PatchType.merge, { status: { conditions } }, { subresource: 'status' });
}
