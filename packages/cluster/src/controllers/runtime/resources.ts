import type { GroupVersionResource } from '@palisade/kubernetes';

const core = (resource: string): GroupVersionResource => ({ group: '', version: 'v1', resource });
const group = (name: string, resource: string): GroupVersionResource => ({ group: name, version: 'v1', resource });

/** The resources controllers read and write. */
export const Resource = {
  pods: core('pods'),
  services: core('services'),
  endpoints: core('endpoints'),
  nodes: core('nodes'),
  namespaces: core('namespaces'),
  serviceAccounts: core('serviceaccounts'),
  configMaps: core('configmaps'),
  events: core('events'),
  resourceQuotas: core('resourcequotas'),
  deployments: group('apps', 'deployments'),
  replicaSets: group('apps', 'replicasets'),
  daemonSets: group('apps', 'daemonsets'),
  statefulSets: group('apps', 'statefulsets'),
  controllerRevisions: group('apps', 'controllerrevisions'),
  jobs: group('batch', 'jobs'),
  cronJobs: group('batch', 'cronjobs'),
  podDisruptionBudgets: group('policy', 'poddisruptionbudgets'),
  persistentVolumeClaims: core('persistentvolumeclaims'),
  persistentVolumes: core('persistentvolumes'),
  clusterRoles: group('rbac.authorization.k8s.io', 'clusterroles'),
  certificateSigningRequests: group('certificates.k8s.io', 'certificatesigningrequests'),
  storageClasses: group('storage.k8s.io', 'storageclasses'),
  endpointSlices: group('discovery.k8s.io', 'endpointslices'),
  ingresses: group('networking.k8s.io', 'ingresses'),
} as const;

/** A served resource, as discovery or the API server's registry lists it. */
export interface ServedResource {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
}

/** One version of each resource that can be listed, watched and deleted; the first one listed, unless the controllers know a `v1`. */
export function deletableResources(resources: readonly ServedResource[]): ServedResource[] {
  const chosen = new Map<string, ServedResource>();
  for (const resource of resources) {
    if (!['list', 'watch', 'delete'].every((verb) => resource.verbs.includes(verb))) continue;
    const name = `${resource.resource}.${resource.group}`;
    const before = chosen.get(name);
    if (before === undefined || (before.version !== 'v1' && resource.version === 'v1')) chosen.set(name, resource);
  }
  return [...chosen.values()];
}
