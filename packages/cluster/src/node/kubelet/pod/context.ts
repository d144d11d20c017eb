import type { FlowRecord } from '@palisade/flow';
import type { ApiClient, KubernetesObject } from '@palisade/kubernetes';
import type { Clock } from '@palisade/kubernetes/client';
import type { NodeNetwork } from '../../../contract.ts';
import type { EventRecorder } from '../../../controllers/runtime/events.ts';
import type { ImageRegistry } from '../../../images/index.ts';
import type { VolumeSource } from '../env/environment.ts';
import type { Pod } from '../pod-types.ts';
import type { Cgroups } from '../runtime/cgroups.ts';
import type { Machine } from '../runtime/machine.ts';
import type { IssuedToken } from '../volumes/pod-volumes.ts';
import type { Slots } from './slots.ts';

export interface PodReference {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly serviceAccountName: string;
  readonly nodeName: string;
}

/** A bound service-account token (TokenRequest): what the API server's signer does in this process. */
export type IssueToken = (pod: PodReference, audience: string | undefined, expirationSeconds: number) => Promise<IssuedToken>;

/** What all pods of one node share. */
export interface NodeContext {
  readonly network: NodeNetwork;
  readonly client: ApiClient;
  readonly images: ImageRegistry;
  readonly machine: Machine;
  readonly cgroups: Cgroups;
  readonly clock: Clock;
  readonly events: EventRecorder;
  /** Folder of this node on disk: logs and emptyDir volumes. */
  readonly stateDir: string;
  readonly hostPathRoots: readonly string[];
  /** Folder of the cluster's own persistent volumes; undefined: there are none. */
  readonly volumesRoot: string | undefined;
  readonly issueToken: IssueToken;
  /** Text of /etc/resolv.conf. */
  readonly resolvConf: (pod: KubernetesObject) => string;
  /** Objects of a namespace. */
  readonly config: (namespace: string) => VolumeSource;
  /** Services of a namespace. */
  readonly services: (namespace: string) => readonly KubernetesObject[];
  readonly sink: (record: FlowRecord) => void;
  /** Bounds how many pods and containers start at the same time. */
  readonly startSlots: Slots;
  readonly nodeCapacity: { readonly cpu: number; readonly memoryBytes: number };
  readonly log: (level: 'debug' | 'warn', message: string) => void;
}

export function podReference(pod: Pod, nodeName: string): PodReference {
  return {
    namespace: pod.metadata.namespace ?? 'default',
    name: pod.metadata.name ?? '',
    uid: pod.metadata.uid ?? '',
    serviceAccountName: pod.spec.serviceAccountName ?? 'default',
    nodeName,
  };
}

/** `name_namespace(uid)`, as kubelet's messages name a pod. */
export function podLabel(pod: Pod): string {
  return `${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})`;
}
