import type { Struct } from '../defaults/value.ts';
import type { KubernetesObject } from '../object.ts';
import { parseApiVersion, type SchemaRegistry } from '../schema/registry.ts';
import type { StatusCause } from '../status.ts';
import { validateWebhooks } from './admission.ts';
import { validateCertificateRequest, validateCertificateRequestUpdate } from './certificate-request.ts';
import * as config from './config.ts';
import { validateDefinitionUpdate, validateNewDefinition } from './custom-resource-definition.ts';
import { Findings } from './findings.ts';
import { validateLimitRange, validateResourceQuota } from './limits.ts';
import { nameCheckOf, validateFinalizerOwners, validateMeta, validateMetaUpdate } from './meta.ts';
import { validateNetworkPolicy } from './network-policy.ts';
import * as others from './others.ts';
import { validatePodSpec, validatePodUpdate } from './pod.ts';
import * as rbac from './rbac.ts';
import * as service from './service.ts';
import * as status from './workload-status.ts';
import * as workloads from './workloads.ts';

interface KindRules {
  /** Holds on create and after an update. */
  readonly validate: (f: Findings, object: Struct) => void;
  /** What may not change. */
  readonly update?: (f: Findings, object: Struct, old: Struct) => void;
  /** What an update is judged by is in `update` alone: most of the object is frozen, or was judged when it was made. */
  readonly updateOnly?: true;
  /** What the status may say: where this is set, a write of the status is judged by it and the metadata alone. */
  readonly status?: status.StatusRule;
}

const rbacGroup = 'rbac.authorization.k8s.io';
const admissionGroup = 'admissionregistration.k8s.io';

/** By `group/kind`: versions of a group differ in wording, not in rules. Kinds that are absent have the rules of their metadata. */
const rules: Readonly<Record<string, KindRules>> = {
  '/Pod': { validate: (f, pod) => validatePodSpec(f, 'spec', pod['spec'] ?? {}), update: validatePodUpdate, updateOnly: true },
  '/Service': { validate: service.validateService, update: service.validateServiceUpdate },
  '/Endpoints': { validate: service.validateEndpoints },
  'discovery.k8s.io/EndpointSlice': { validate: service.validateEndpointSlice, update: service.validateEndpointSliceUpdate },
  '/ConfigMap': { validate: config.validateConfigMap, update: config.validateFrozenData },
  '/Secret': { validate: config.validateSecret, update: config.validateSecretUpdate },
  '/Namespace': { validate: config.validateNamespace },
  '/Node': { validate: config.validateNode },
  '/Event': { validate: config.validateEvent },
  '/ResourceQuota': { validate: validateResourceQuota },
  '/LimitRange': { validate: validateLimitRange },
  '/PersistentVolume': { validate: others.validatePersistentVolume },
  'storage.k8s.io/StorageClass': { validate: others.validateStorageClass },
  '/PersistentVolumeClaim': { validate: others.validatePersistentVolumeClaim },
  'coordination.k8s.io/Lease': { validate: config.validateLease },
  'apps/Deployment': {
    validate: workloads.validateDeployment,
    update: workloads.immutable('selector'),
    status: status.validateDeploymentStatus,
  },
  'apps/ReplicaSet': {
    validate: workloads.validateReplicaSet,
    update: workloads.immutable('selector'),
    status: status.validateReplicaSetStatus,
  },
  'apps/DaemonSet': {
    validate: workloads.validateDaemonSet,
    update: workloads.immutable('selector'),
    status: status.validateDaemonSetStatus,
  },
  'apps/StatefulSet': {
    validate: workloads.validateStatefulSet,
    update: workloads.validateStatefulSetUpdate,
    status: status.validateStatefulSetStatus,
  },
  'batch/Job': { validate: workloads.validateJob, update: workloads.immutable('completions', 'selector', 'template', 'completionMode') },
  'batch/CronJob': { validate: workloads.validateCronJob },
  'certificates.k8s.io/CertificateSigningRequest': { validate: validateCertificateRequest, update: validateCertificateRequestUpdate },
  'networking.k8s.io/NetworkPolicy': { validate: validateNetworkPolicy },
  'networking.k8s.io/Ingress': { validate: others.validateIngress },
  'policy/PodDisruptionBudget': { validate: others.validatePodDisruptionBudget, status: status.validateDisruptionBudgetStatus },
  'autoscaling/HorizontalPodAutoscaler': { validate: others.validateAutoscaler, status: status.validateAutoscalerStatus },
  'autoscaling/Scale': { validate: (f, scale) => f.nonNegative('spec.replicas', scale['spec']?.replicas) },
  'scheduling.k8s.io/PriorityClass': { validate: others.validatePriorityClass, update: others.validatePriorityClassUpdate },
  [`${rbacGroup}/Role`]: { validate: rbac.validateRole },
  [`${rbacGroup}/ClusterRole`]: { validate: rbac.validateClusterRole },
  [`${rbacGroup}/RoleBinding`]: { validate: rbac.validateRoleBinding, update: rbac.validateRoleRefUpdate },
  [`${rbacGroup}/ClusterRoleBinding`]: { validate: rbac.validateClusterRoleBinding, update: rbac.validateRoleRefUpdate },
  [`${admissionGroup}/ValidatingWebhookConfiguration`]: { validate: validateWebhooks },
  [`${admissionGroup}/MutatingWebhookConfiguration`]: { validate: validateWebhooks },
  'apiextensions.k8s.io/CustomResourceDefinition': {
    validate: validateNewDefinition,
    update: validateDefinitionUpdate,
    updateOnly: true,
    status: () => {},
  },
};

function rulesOf(group: string, kind: string): KindRules | undefined {
  const key = `${group}/${kind}`;
  return Object.hasOwn(rules, key) ? rules[key] : undefined;
}

/**
 * What is wrong with a new object, in the real server's order and words; empty when it is valid. The object has been decoded and
 * defaulted. Not judged here: whether the namespace exists, quotas, addresses and node ports, anything that needs other objects.
 */
export function validateCreate(registry: SchemaRegistry, object: KubernetesObject): StatusCause[] {
  const { group, version } = parseApiVersion(object.apiVersion);
  const f = new Findings();
  const namespaced = registry.byKind({ group, version, kind: object.kind })?.namespaced ?? true;
  validateMeta(f, object.metadata, namespaced, nameCheckOf(group, object.kind));
  if (registry.hasKind({ group, version, kind: object.kind })) validateFinalizerOwners(f, object.metadata.finalizers);
  rulesOf(group, object.kind)?.validate(f, object);
  return f.causes;
}

/** Like `validateCreate`, for a change of `old` into `object`: fields that may not change did not. */
export function validateUpdate(registry: SchemaRegistry, object: KubernetesObject, old: KubernetesObject): StatusCause[] {
  const { group, version } = parseApiVersion(object.apiVersion);
  const f = new Findings();
  if (!registry.hasKind({ group, version, kind: object.kind })) return f.causes;
  validateMetaUpdate(f, object.metadata, old.metadata);
  const kindRules = rulesOf(group, object.kind);
  if (kindRules && !kindRules.updateOnly) kindRules.validate(f, object);
  kindRules?.update?.(f, object, old);
  return f.causes;
}

/** Like `validateUpdate`, for a write of the status. */
export function validateStatusUpdate(registry: SchemaRegistry, object: KubernetesObject, old: KubernetesObject): StatusCause[] {
  const judge = rulesOf(parseApiVersion(object.apiVersion).group, object.kind)?.status;
  if (judge === undefined) return validateUpdate(registry, object, old);
  const f = new Findings();
  validateMetaUpdate(f, object.metadata, old.metadata);
  judge(f, object['status'] ?? {}, old['status'] ?? {});
  return f.causes;
}
