/** What endpoints, clusters and routes say of themselves, under Istio's metadata key: to telemetry, and to who reads a proxy's configuration. */
import type { KubernetesObject } from '@palisade/kubernetes';

export const metadataFilter = 'istio';

/** Istio's form: `name;namespace;canonical service;canonical revision;cluster`. */
export function describeWorkload(pod: KubernetesObject): string {
  const { namespace = 'default', labels = {} } = pod.metadata;
  const name = workloadName(pod);
  const service = labels['service.istio.io/canonical-name'] ?? labels['app.kubernetes.io/name'] ?? labels['app'] ?? name;
  const revision = labels['service.istio.io/canonical-revision'] ?? labels['app.kubernetes.io/version'] ?? labels['version'] ?? 'latest';
  return [name, namespace, service, revision, 'Kubernetes'].join(';');
}

/** The Deployment's name for its pods, the controller's for others', the pod's own without one. */
export function workloadName({ metadata }: KubernetesObject): string {
  const { name, generateName, labels = {}, ownerReferences = [] } = metadata;
  const owner = ownerReferences.find(({ controller }) => controller === true);
  const hash = labels['pod-template-hash'];
  const own = owner?.name ?? name ?? (generateName ?? '').replace(/-$/, '');
  return owner?.kind === 'ReplicaSet' && hash !== undefined && own.endsWith(`-${hash}`) ? own.slice(0, -hash.length - 1) : own;
}

/** `host;name;namespace` */
export function describeService(service: { readonly hostname: string; readonly name: string; readonly namespace: string }): string {
  return [service.hostname, service.name, service.namespace].join(';');
}

/** Which resource a cluster's settings or a route come from, as the tables of `istioctl proxy-config` read it. */
export function describeConfig(
  kind: 'destination-rule' | 'virtual-service',
  { namespace, name }: { readonly namespace: string; readonly name: string },
): string {
  return `/apis/networking.istio.io/v1/namespaces/${namespace}/${kind}/${name}`;
}
