import type { GroupVersionKind, KubernetesObject } from '../object.ts';
import { formatApiVersion, SchemaRegistry } from '../schema/registry.ts';
import { age, type Cell, nameOf, type RowPrinter } from './cells.ts';
import * as core from './core.ts';
import * as others from './others.ts';
import { printPod } from './pod.ts';
import * as workloads from './workloads.ts';

export interface TableColumnDefinition {
  readonly name: string;
  readonly type: string;
  readonly format: string;
  /** Left empty: the table carries no prose. */
  readonly description: string;
  /** 0 always, 1 only with `-o wide`. */
  readonly priority: number;
}

/** By `apiVersion Kind`. */
const printers: Readonly<Record<string, RowPrinter>> = {
  'v1 Namespace': core.printNamespace,
  'v1 Node': core.printNode,
  'v1 Pod': printPod,
  'v1 Service': core.printService,
  'v1 Endpoints': core.printEndpoints,
  'v1 ServiceAccount': core.printServiceAccount,
  'v1 ConfigMap': core.printConfigMap,
  'v1 Secret': core.printSecret,
  'v1 Event': core.printEvent,
  'v1 PersistentVolumeClaim': core.printPersistentVolumeClaim,
  'v1 PersistentVolume': core.printPersistentVolume,
  'v1 ResourceQuota': core.printResourceQuota,
  'v1 LimitRange': others.printCreatedAt,
  'v1 ReplicationController': workloads.printReplicationController,
  'events.k8s.io/v1 Event': core.printEvent,
  'discovery.k8s.io/v1 EndpointSlice': core.printEndpointSlice,
  'apps/v1 Deployment': workloads.printDeployment,
  'apps/v1 ReplicaSet': workloads.printReplicaSet,
  'apps/v1 DaemonSet': workloads.printDaemonSet,
  'apps/v1 StatefulSet': workloads.printStatefulSet,
  'apps/v1 ControllerRevision': workloads.printControllerRevision,
  'batch/v1 Job': workloads.printJob,
  'batch/v1 CronJob': workloads.printCronJob,
  'policy/v1 PodDisruptionBudget': workloads.printPodDisruptionBudget,
  'autoscaling/v2 HorizontalPodAutoscaler': workloads.printHorizontalPodAutoscaler,
  'networking.k8s.io/v1 NetworkPolicy': others.printNetworkPolicy,
  'networking.k8s.io/v1 Ingress': others.printIngress,
  'networking.k8s.io/v1 IngressClass': others.printIngressClass,
  'rbac.authorization.k8s.io/v1 Role': others.printCreatedAt,
  'rbac.authorization.k8s.io/v1 ClusterRole': others.printCreatedAt,
  'rbac.authorization.k8s.io/v1 RoleBinding': others.printRoleBinding,
  'rbac.authorization.k8s.io/v1 ClusterRoleBinding': others.printRoleBinding,
  'apiextensions.k8s.io/v1 CustomResourceDefinition': others.printCreatedAt,
  'apiregistration.k8s.io/v1 APIService': others.printApiService,
  'storage.k8s.io/v1 StorageClass': others.printStorageClass,
  'scheduling.k8s.io/v1 PriorityClass': others.printPriorityClass,
  'coordination.k8s.io/v1 Lease': others.printLease,
  'node.k8s.io/v1 RuntimeClass': others.printRuntimeClass,
  'admissionregistration.k8s.io/v1 MutatingWebhookConfiguration': others.printWebhooks,
  'admissionregistration.k8s.io/v1 ValidatingWebhookConfiguration': others.printWebhooks,
  'certificates.k8s.io/v1 CertificateSigningRequest': others.printCertificateSigningRequest,
};

const printerOf = ({ group, version, kind }: GroupVersionKind): RowPrinter | undefined => {
  const key = `${formatApiVersion(group, version)} ${kind}`;
  return Object.hasOwn(printers, key) ? printers[key] : undefined;
};

const plainColumns: readonly TableColumnDefinition[] = [
  { name: 'Name', type: 'string', format: 'name', description: '', priority: 0 },
  { name: 'Age', type: 'string', format: '', description: '', priority: 0 },
];

/** Columns of a kind as the real server serves them; Name and Age for kinds that have no printer here. */
export function tableColumns(gvk: GroupVersionKind): readonly TableColumnDefinition[] {
  const columns = printerOf(gvk) && SchemaRegistry.builtin().columns(gvk);
  return columns?.map(([name, type, format, priority]) => ({ name, type, format, description: '', priority })) ?? plainColumns;
}

/** One cell for each of `tableColumns`, wide ones included. Works on any object, also one that lacks most fields. */
export function renderRow(gvk: GroupVersionKind, object: KubernetesObject, now: Date): Cell[] {
  return printerOf(gvk)?.(object, now) ?? [nameOf(object), age(object, now)];
}
