import type { GroupVersionResource } from '../../object.ts';

export interface FakeResource {
  kind: string;
  namespaced: boolean;
  hasStatus: boolean;
}

const KNOWN: Record<string, string> = {
  pods: 'Pod',
  services: 'Service',
  nodes: 'Node!',
  namespaces: 'Namespace!',
  serviceaccounts: 'ServiceAccount-',
  configmaps: 'ConfigMap-',
  secrets: 'Secret-',
  endpoints: 'Endpoints-',
  events: 'Event-',
  endpointslices: 'EndpointSlice-',
  deployments: 'Deployment',
  replicasets: 'ReplicaSet',
  statefulsets: 'StatefulSet',
  daemonsets: 'DaemonSet',
  controllerrevisions: 'ControllerRevision-',
  jobs: 'Job',
  cronjobs: 'CronJob',
  networkpolicies: 'NetworkPolicy-',
  ingresses: 'Ingress',
  clusternetworkpolicies: 'ClusterNetworkPolicy!',
  poddisruptionbudgets: 'PodDisruptionBudget',
  resourcequotas: 'ResourceQuota',
  persistentvolumeclaims: 'PersistentVolumeClaim',
  persistentvolumes: 'PersistentVolume!',
  storageclasses: 'StorageClass!-',
  clusterroles: 'ClusterRole!-',
};

/** What the fake knows of a resource; marks in the table: `!` cluster scope, `-` no status subresource. */
export function fakeResource(r: GroupVersionResource): FakeResource {
  const entry = KNOWN[r.resource];
  if (entry === undefined) throw new Error(`Fake client: unknown resource "${r.resource}"; add it to testing/resources.ts`);
  return { kind: entry.replace(/[!-]/g, ''), namespaced: !entry.includes('!'), hasStatus: !entry.includes('-') };
}
