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
  deployments: group('apps', 'deployments'),
  replicaSets: group('apps', 'replicasets'),
  jobs: group('batch', 'jobs'),
  endpointSlices: group('discovery.k8s.io', 'endpointslices'),
} as const;
