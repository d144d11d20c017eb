/** What endpoints, clusters and routes say of themselves, under Istio's metadata key: to telemetry, and to who reads a proxy's configuration. */
import type { KubernetesObject } from '@palisade/kubernetes';

export const metadataFilter = 'istio';

/** Istio's form: `name;namespace;canonical service;canonical revision;cluster`. */
export function describeWorkload(pod: KubernetesObject): string {
  const { name, revision } = canonicalService(pod);
  return [workloadName(pod), pod.metadata.namespace ?? 'default', name, revision, 'Kubernetes'].join(';');
}

/** Which application and version telemetry counts it under; a name that fits into a label, and `''` where there is none. */
export function canonicalService(pod: KubernetesObject): { readonly name: string; readonly revision: string } {
  const { labels = {} } = pod.metadata;
  const first = (...names: string[]) => names.map((name) => labels[name] || undefined).find((value) => value !== undefined);
  const name = first('service.istio.io/canonical-name', 'app.kubernetes.io/name', 'app') ?? workloadName(pod);
  return {
    // A workload's name may be longer than a label (63 characters), and cut off it may end in what a label cannot.
    name: name.slice(0, 63).replaceAll(/^[-_.]+|[-_.]+$/g, ''),
    revision: first('service.istio.io/canonical-revision', 'app.kubernetes.io/version', 'version') ?? 'latest',
  };
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
