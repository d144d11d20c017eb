import { type KubernetesObject, matchLabelSelector } from '@palisade/kubernetes';

export const podNetwork = 'Pod network';

const isPrimary = (spec: { layer2?: { role?: string }; layer3?: { role?: string } } | undefined): boolean =>
  (spec?.layer2 ?? spec?.layer3)?.role === 'Primary';

/**
 * np-guard's title of the network that a namespace's pods are in. A (Cluster)UserDefinedNetwork with the role Primary replaces the
 * pod network; pods of two networks never meet, so each is a cluster of its own to the policies.
 */
export function networksOf(objects: readonly KubernetesObject[]): (namespace: string) => string {
  const titles = new Map<string, string>();
  const namespaces = objects.filter(({ kind }) => kind === 'Namespace');
  const mayJoin = namespaces.filter(({ metadata }) => metadata.labels?.['k8s.ovn.org/primary-user-defined-network'] !== undefined);
  for (const { kind, metadata, ...object } of objects) {
    const spec = object['spec'];
    if (kind === 'UserDefinedNetwork' && isPrimary(spec)) titles.set(metadata.namespace!, `primary UDN ${metadata.namespace}`);
    if (kind !== 'ClusterUserDefinedNetwork' || !isPrimary(spec?.network)) continue;
    for (const namespace of mayJoin) {
      const { name, labels } = namespace.metadata;
      const all = { 'kubernetes.io/metadata.name': name!, ...labels };
      if (matchLabelSelector(spec.namespaceSelector, all)) titles.set(name!, `primary CUDN ${metadata.name}`);
    }
  }
  return (namespace) => titles.get(namespace) ?? podNetwork;
}
