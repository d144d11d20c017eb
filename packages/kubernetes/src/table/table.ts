import type { GroupVersionKind, KubernetesObject } from '../object.ts';
import { formatApiVersion, SchemaRegistry } from '../schema/registry.ts';
import type { Cell, RowPrinter } from './cells.ts';
import * as control from './control.ts';
import * as core from './core.ts';
import * as others from './others.ts';
import { printPod } from './pod.ts';
import * as storage from './storage.ts';
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
  'v1 PodTemplate': workloads.printPodTemplate,
  'v1 ComponentStatus': control.printComponentStatus,
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
  'autoscaling/v1 HorizontalPodAutoscaler': workloads.printHorizontalPodAutoscaler,
  'autoscaling/v1 Scale': control.printScale,
  'networking.k8s.io/v1 IPAddress': control.printIpAddress,
  'networking.k8s.io/v1 ServiceCIDR': control.printServiceCidr,
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
  'storage.k8s.io/v1 CSIDriver': storage.printCsiDriver,
  'storage.k8s.io/v1 CSINode': storage.printCsiNode,
  'storage.k8s.io/v1 VolumeAttachment': storage.printVolumeAttachment,
  'storage.k8s.io/v1 VolumeAttributesClass': storage.printVolumeAttributesClass,
  'scheduling.k8s.io/v1 PriorityClass': others.printPriorityClass,
  'coordination.k8s.io/v1 Lease': others.printLease,
  'node.k8s.io/v1 RuntimeClass': others.printRuntimeClass,
  'admissionregistration.k8s.io/v1 MutatingWebhookConfiguration': others.printWebhooks,
  'admissionregistration.k8s.io/v1 ValidatingWebhookConfiguration': others.printWebhooks,
  'admissionregistration.k8s.io/v1 ValidatingAdmissionPolicy': control.printAdmissionPolicy,
  'admissionregistration.k8s.io/v1 ValidatingAdmissionPolicyBinding': control.printAdmissionPolicyBinding,
  'flowcontrol.apiserver.k8s.io/v1 FlowSchema': control.printFlowSchema,
  'flowcontrol.apiserver.k8s.io/v1 PriorityLevelConfiguration': control.printPriorityLevel,
  'resource.k8s.io/v1 DeviceClass': control.printNameAndAge,
  'resource.k8s.io/v1 ResourceClaim': control.printResourceClaim,
  'resource.k8s.io/v1 ResourceClaimTemplate': control.printNameAndAge,
  'resource.k8s.io/v1 ResourceSlice': control.printResourceSlice,
  'certificates.k8s.io/v1 CertificateSigningRequest': others.printCertificateSigningRequest,
};

const keyOf = ({ group, version, kind }: GroupVersionKind): string => `${formatApiVersion(group, version)} ${kind}`;

const printerOf = (gvk: GroupVersionKind): RowPrinter => {
  const key = keyOf(gvk);
  return (Object.hasOwn(printers, key) ? printers[key] : undefined) ?? others.printCreatedAt;
};

const column = (name: string, type = 'string', format = '', priority = 0): TableColumnDefinition => ({
  name,
  type,
  format,
  description: '',
  priority,
});

/** Of kinds without a table of their own. */
const plainColumns: readonly TableColumnDefinition[] = [column('Name', 'string', 'name'), column('Created At', 'date')];

/** Of kinds that are no resource by themselves, so that no table of theirs was recorded. */
const unrecorded: Readonly<Record<string, readonly TableColumnDefinition[]>> = {
  'autoscaling/v1 Scale': [column('Name'), column('Desired', 'integer'), column('Available', 'integer'), column('Age')],
};

/** Columns of a kind as the real server serves them; Name and Created At for kinds that it has no printer for. */
export function tableColumns(gvk: GroupVersionKind): readonly TableColumnDefinition[] {
  const recorded = SchemaRegistry.builtin().columns(gvk);
  return recorded?.map(([name, type, format, priority]) => column(name, type, format, priority)) ?? unrecorded[keyOf(gvk)] ?? plainColumns;
}

/** One cell for each of `tableColumns`, wide ones included. Works on any object, also one that lacks most fields. */
export function renderRow(gvk: GroupVersionKind, object: KubernetesObject, now: Date): Cell[] {
  return printerOf(gvk)(object, now);
}
