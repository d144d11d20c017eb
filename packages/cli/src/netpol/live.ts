import { type ApiClient, isStatusError, type KubernetesObject } from '@palisade/kubernetes';
import { createHttpClient, type HttpApiClient, loadKubeconfig } from '@palisade/kubernetes/client';
import type { ManifestFile } from '@palisade/netpol';
import { stringify } from 'yaml';

export const policyKinds = [
  { group: 'networking.k8s.io', version: 'v1', resource: 'networkpolicies', kind: 'NetworkPolicy' },
  { group: 'policy.networking.k8s.io', version: 'v1alpha2', resource: 'clusternetworkpolicies', kind: 'ClusterNetworkPolicy' },
  { group: 'policy.networking.k8s.io', version: 'v1alpha1', resource: 'adminnetworkpolicies', kind: 'AdminNetworkPolicy' },
  {
    group: 'policy.networking.k8s.io',
    version: 'v1alpha1',
    resource: 'baselineadminnetworkpolicies',
    kind: 'BaselineAdminNetworkPolicy',
  },
] as const;

const core = (resource: string, kind: string) => ({ group: '', version: 'v1', resource, kind });
const kinds = [
  core('pods', 'Pod'),
  core('namespaces', 'Namespace'),
  core('nodes', 'Node'),
  core('services', 'Service'),
  core('endpoints', 'Endpoints'),
  ...policyKinds,
];

/** Items of a list carry no kind of their own. A kind that the cluster does not serve has no objects. */
async function listAll(client: ApiClient, { kind, ...resource }: (typeof kinds)[number]): Promise<KubernetesObject[]> {
  try {
    const { items } = await client.list(resource);
    const apiVersion = resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
    return items.map((item) => ({ ...item, apiVersion, kind }));
  } catch (error) {
    if (isStatusError(error, 'NotFound') && resource.group === 'policy.networking.k8s.io') return [];
    throw error;
  }
}

/** Everything that policies depend on, as the cluster's API shows it now. */
export async function fetchObjects(client: ApiClient): Promise<KubernetesObject[]> {
  return (await Promise.all(kinds.map((kind) => listAll(client, kind)))).flat();
}

export async function withClient<T>(kubeconfig: string, work: (client: HttpApiClient) => Promise<T>): Promise<T> {
  const client = createHttpClient(loadKubeconfig(kubeconfig));
  try {
    return await work(client);
  } finally {
    client.close();
  }
}

/** Addresses of a cluster DNS that is no pod: its Service's own and, where it is known, where the Service leads. */
export function dnsAddresses(objects: readonly KubernetesObject[]): string[] {
  const isDns = ({ metadata }: KubernetesObject) => metadata.namespace === 'kube-system' && metadata.name === 'kube-dns';
  const isPodOfIt = ({ kind, metadata }: KubernetesObject) => kind === 'Pod' && metadata.labels?.['k8s-app'] === 'kube-dns';
  if (objects.some(isPodOfIt)) return [];
  return objects.filter(isDns).flatMap((object): string[] => {
    if (object.kind === 'Service') return object['spec']?.clusterIPs ?? [];
    const subsets: { addresses?: { ip: string }[] }[] = object.kind === 'Endpoints' ? (object['subsets'] ?? []) : [];
    return subsets.flatMap((subset) => (subset.addresses ?? []).map(({ ip }) => ip));
  });
}

/** A policy as `kubectl get -o yaml` would show it, without what the server keeps for itself: the text its lines are counted in. */
export function yamlOf(policy: KubernetesObject): ManifestFile {
  const { apiVersion, kind, metadata, spec } = policy;
  const { name, namespace } = metadata;
  const annotations = Object.entries(metadata.annotations ?? {}).filter(
    ([key]) => key !== 'kubectl.kubernetes.io/last-applied-configuration',
  );
  const shown = {
    name,
    ...(namespace !== undefined && { namespace }),
    ...(metadata.labels && { labels: metadata.labels }),
    ...(annotations.length > 0 && { annotations: Object.fromEntries(annotations) }),
  };
  const title = namespace === undefined ? `${kind}/${name}` : `${kind}/${namespace}/${name}`;
  return { name: title, text: stringify({ apiVersion, kind, metadata: shown, spec }) };
}
