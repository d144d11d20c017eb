import { isDeepStrictEqual } from 'node:util';
import type { KubernetesObject } from '@palisade/kubernetes';
import type { ServedResource } from './resource.ts';
import { admissionPolicyStrategy, webhookConfigurationStrategy } from './strategies/admission-registration.ts';
import { apiServiceStrategy } from './strategies/api-service.ts';
import { certificateSigningRequestStrategy } from './strategies/certificate-signing-request.ts';
import { definitionStrategy } from './strategies/custom-resource-definition.ts';
import { jobStrategy } from './strategies/job.ts';
import { namespaceStrategy } from './strategies/namespace.ts';
import { nodeStrategy } from './strategies/node.ts';
import { podStrategy } from './strategies/pod.ts';
import { serviceStrategy } from './strategies/service.ts';
import type { Strategy } from './strategies/strategy.ts';
import { formatTime } from './time.ts';

/** Kinds whose main resource leaves more than the status alone when it is written. */
const SERVER_OWNED: Readonly<Record<string, readonly string[]>> = {
  'certificatesigningrequests.certificates.k8s.io': ['spec', 'status'],
};

/** Top fields that a write of the object itself does not take from the writer, who so does not own them either. */
export function serverOwnedFields({ storeType, hasStatus }: ServedResource): readonly string[] {
  return SERVER_OWNED[storeType] ?? (hasStatus ? ['status'] : []);
}

/** When the phase of a volume changed last is for the server to know. */
const volumeStrategy: Strategy = {
  prepareForCreate(volume, core) {
    addFinalizer(volume, 'kubernetes.io/pv-protection');
    volume['status'] = { ...volume['status'], phase: 'Pending', lastPhaseTransitionTime: formatTime(core.clock()) };
  },
  prepareStatus(volume, old, core) {
    const [status, before] = [volume['status'] ?? {}, old['status'] ?? {}];
    if (status.phase !== before.phase) status.lastPhaseTransitionTime = formatTime(core.clock());
    else status.lastPhaseTransitionTime ??= before.lastPhaseTransitionTime;
    if (status.lastPhaseTransitionTime === undefined) delete status.lastPhaseTransitionTime;
    volume['status'] = status;
  },
};

const STRATEGIES: Readonly<Record<string, Strategy>> = {
  pods: podStrategy,
  services: serviceStrategy,
  namespaces: namespaceStrategy,
  nodes: nodeStrategy,
  'jobs.batch': jobStrategy,
  'mutatingwebhookconfigurations.admissionregistration.k8s.io': webhookConfigurationStrategy,
  'validatingwebhookconfigurations.admissionregistration.k8s.io': webhookConfigurationStrategy,
  'validatingadmissionpolicies.admissionregistration.k8s.io': admissionPolicyStrategy,
  'customresourcedefinitions.apiextensions.k8s.io': definitionStrategy,
  'certificatesigningrequests.certificates.k8s.io': certificateSigningRequestStrategy,
  'apiservices.apiregistration.k8s.io': apiServiceStrategy,
  'daemonsets.apps': {
    prepareForCreate: (daemonSet) => countTemplate(daemonSet, 1),
    prepareForUpdate(daemonSet, old) {
      const before = Number(old.metadata.annotations?.[TEMPLATE_GENERATION] ?? 0);
      const isSame = isDeepStrictEqual(daemonSet['spec']?.template, old['spec']?.template);
      countTemplate(daemonSet, isSame ? before : before + 1);
    },
  },
  // Admission plugin StorageObjectInUseProtection.
  persistentvolumeclaims: { prepareForCreate: (claim) => addFinalizer(claim, 'kubernetes.io/pvc-protection') },
  persistentvolumes: volumeStrategy,
};

const TEMPLATE_GENERATION = 'deprecated.daemonset.template.generation';

function countTemplate(daemonSet: KubernetesObject, generation: number): void {
  daemonSet.metadata.annotations = { ...daemonSet.metadata.annotations, [TEMPLATE_GENERATION]: String(generation) };
}

function addFinalizer(object: KubernetesObject, finalizer: string): void {
  const present = object.metadata.finalizers ?? [];
  if (!present.includes(finalizer)) object.metadata.finalizers = [...present, finalizer];
}

const GENERIC: Strategy = {};

export function strategyFor(storeType: string): Strategy {
  return STRATEGIES[storeType] ?? GENERIC;
}

/** Built-in kinds without `metadata.generation`; every other kind, custom ones too, counts its changes. */
const WITHOUT_GENERATION = new Set([
  'namespaces',
  'nodes',
  'services',
  'endpoints',
  'events',
  'configmaps',
  'secrets',
  'serviceaccounts',
  'limitranges',
  'resourcequotas',
  'persistentvolumes',
  'persistentvolumeclaims',
  'podtemplates',
  'leases.coordination.k8s.io',
  'horizontalpodautoscalers.autoscaling',
  'roles.rbac.authorization.k8s.io',
  'rolebindings.rbac.authorization.k8s.io',
  'clusterroles.rbac.authorization.k8s.io',
  'clusterrolebindings.rbac.authorization.k8s.io',
  'controllerrevisions.apps',
  'certificatesigningrequests.certificates.k8s.io',
  'runtimeclasses.node.k8s.io',
  'apiservices.apiregistration.k8s.io',
  'csidrivers.storage.k8s.io',
  'csinodes.storage.k8s.io',
  'storageclasses.storage.k8s.io',
  'volumeattachments.storage.k8s.io',
  'csistoragecapacities.storage.k8s.io',
  'volumeattributesclasses.storage.k8s.io',
]); // prettier-ignore

export function hasGeneration(storeType: string): boolean {
  return !WITHOUT_GENERATION.has(storeType);
}

/** Kinds whose DELETE answers with the object instead of a Status (registry option ReturnDeletedObject). */
const RETURNS_DELETED = new Set([
  'pods',
  'services',
  'serviceaccounts',
  'podtemplates',
  'persistentvolumes',
  'persistentvolumeclaims',
  'resourcequotas',
  'csidrivers.storage.k8s.io',
  'csinodes.storage.k8s.io',
  'storageclasses.storage.k8s.io',
  'volumeattachments.storage.k8s.io',
  'volumeattributesclasses.storage.k8s.io',
]); // prettier-ignore

export function returnsDeletedObject(storeType: string): boolean {
  return RETURNS_DELETED.has(storeType);
}

/** Kinds whose dependants stay by default when deleted by a bare DELETE. */
export function orphansByDefault(storeType: string): boolean {
  return storeType === 'jobs.batch' || storeType === 'replicationcontrollers';
}
