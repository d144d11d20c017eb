import type { GroupVersionResource, KubernetesObject } from '@palisade/kubernetes';
import { type Flavour, policySchema, priorityPlace, tierPlace, v1alpha1, v1alpha2 } from './schema.ts';

const group = 'policy.networking.k8s.io';

interface PolicyKind {
  readonly kind: string;
  readonly version: string;
  readonly shortName: string;
  readonly flavour: Flavour;
  readonly place: Parameters<typeof policySchema>[1];
}

const kinds: readonly PolicyKind[] = [
  { kind: 'ClusterNetworkPolicy', version: 'v1alpha2', shortName: 'cnp', flavour: v1alpha2, place: tierPlace },
  {
    kind: 'AdminNetworkPolicy',
    version: 'v1alpha1',
    shortName: 'anp',
    flavour: v1alpha1(['Allow', 'Deny', 'Pass'], true),
    place: priorityPlace,
  },
  { kind: 'BaselineAdminNetworkPolicy', version: 'v1alpha1', shortName: 'banp', flavour: v1alpha1(['Allow', 'Deny'], false), place: {} },
];

const pluralOf = (kind: string): string => kind.toLowerCase().replace(/y$/, 'ies');

/** The cluster-wide policy kinds, as resources. */
export const policyResources: readonly GroupVersionResource[] = kinds.map(({ kind, version }) => ({
  group,
  version,
  resource: pluralOf(kind),
}));

/** CustomResourceDefinitions of the three kinds of network-policy-api, in our own words. */
export function policyDefinitions(): KubernetesObject[] {
  return kinds.map(({ kind, version, shortName, flavour, place }) => {
    const plural = pluralOf(kind);
    const column = (name: string, type: string) => ({ name, type, jsonPath: `.spec.${name.toLowerCase()}` });
    const columns = Object.keys(place).map((field) => (field === 'tier' ? column('Tier', 'string') : column('Priority', 'integer')));
    return {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: {
        name: `${plural}.${group}`,
        annotations: { 'api-approved.kubernetes.io': 'https://github.com/kubernetes-sigs/network-policy-api/pull/30' },
      },
      spec: {
        group,
        scope: 'Cluster',
        names: { kind, listKind: `${kind}List`, plural, singular: kind.toLowerCase(), shortNames: [shortName] },
        versions: [
          {
            name: version,
            served: true,
            storage: true,
            schema: { openAPIV3Schema: policySchema(flavour, place) },
            subresources: { status: {} },
            additionalPrinterColumns: [...columns, { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' }],
          },
        ],
      },
    };
  });
}
