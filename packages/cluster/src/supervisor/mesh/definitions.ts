/** Istio's kinds as far as the control plane reads them; it checks their content itself, at admission. */
import type { KubernetesObject } from '@palisade/kubernetes';

const kinds = [
  ['security.istio.io', 'AuthorizationPolicy', 'authorizationpolicies', ['v1', 'v1beta1'], []],
  ['security.istio.io', 'PeerAuthentication', 'peerauthentications', ['v1', 'v1beta1'], ['pa']],
  ['security.istio.io', 'RequestAuthentication', 'requestauthentications', ['v1', 'v1beta1'], ['ra']],
  ['networking.istio.io', 'DestinationRule', 'destinationrules', ['v1', 'v1beta1', 'v1alpha3'], ['dr']],
] as const;

const anything = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };

export function meshDefinitions(): KubernetesObject[] {
  return kinds.map(([group, kind, plural, versions, shortNames]) => ({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}`, labels: { app: 'istio-pilot', istio: group.split('.')[0]! } },
    spec: {
      group,
      scope: 'Namespaced',
      names: { kind, listKind: `${kind}List`, plural, singular: kind.toLowerCase(), shortNames: [...shortNames], categories: ['istio-io'] },
      versions: versions.map((name, index) => ({
        name,
        served: true,
        storage: index === 0,
        subresources: { status: {} },
        schema: { openAPIV3Schema: { type: 'object', properties: { spec: anything, status: anything } } },
      })),
    },
  }));
}
