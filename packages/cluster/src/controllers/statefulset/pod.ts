import type { KubernetesObject } from '@palisade/kubernetes';
import { podFromTemplate } from '../runtime/pods.ts';
import { REVISION_HASH, templateOf } from '../runtime/revisions.ts';

export function firstOrdinal(set: KubernetesObject): number {
  return set['spec'].ordinals?.start ?? 0;
}

/** The number in a pod's name; undefined when the name is not one of this set's. */
export function ordinalOf(set: KubernetesObject, pod: KubernetesObject): number | undefined {
  const prefix = `${set.metadata.name}-`;
  const text = pod.metadata.name?.startsWith(prefix) ? pod.metadata.name.slice(prefix.length) : '';
  return /^(0|[1-9]\d*)$/.test(text) ? Number(text) : undefined;
}

interface ClaimTemplate {
  metadata: { name: string; labels?: Record<string, string>; annotations?: Record<string, string> };
  spec: object;
}

const claimTemplates = (set: KubernetesObject): ClaimTemplate[] => set['spec'].volumeClaimTemplates ?? [];

/** A pod with a name of its own, the host name that goes with it, and its own claims in place of the template's volumes. */
export function statefulPod(set: KubernetesObject, revision: KubernetesObject, ordinal: number): KubernetesObject {
  const name = `${set.metadata.name}-${ordinal}`;
  const pod = podFromTemplate(set, templateOf(revision), name);
  pod.metadata.labels = {
    ...pod.metadata.labels,
    'apps.kubernetes.io/pod-index': String(ordinal),
    'statefulset.kubernetes.io/pod-name': name,
    [REVISION_HASH]: String(revision.metadata.name),
  };
  const { spec } = pod;
  spec.hostname = name;
  if (set['spec'].serviceName) spec.subdomain = set['spec'].serviceName;
  const claims = claimTemplates(set).map((template) => ({
    name: template.metadata.name,
    persistentVolumeClaim: { claimName: `${template.metadata.name}-${name}` },
  }));
  const claimed = new Set(claims.map((volume) => volume.name));
  const others = (spec.volumes ?? []).filter((volume: { name: string }) => !claimed.has(volume.name));
  if (claims.length > 0) spec.volumes = [...others, ...claims];
  return pod;
}

/** The claims a pod of this ordinal needs; they outlive it. */
export function claimsOf(set: KubernetesObject, ordinal: number): KubernetesObject[] {
  return claimTemplates(set).map((template) => ({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {
      name: `${template.metadata.name}-${set.metadata.name}-${ordinal}`,
      namespace: String(set.metadata.namespace),
      labels: { ...template.metadata.labels, ...set['spec'].selector?.matchLabels },
      ...(template.metadata.annotations === undefined ? {} : { annotations: template.metadata.annotations }),
    },
    spec: structuredClone(template.spec),
  }));
}
