/**
 * Istio's kinds, today's and 1.1's. Their content is checked by the control plane at admission, so the schemas say nothing; names,
 * versions and stored versions are Istio's, and a user's own definitions may be applied over these.
 */
import type { KubernetesObject } from '@palisade/kubernetes';

interface Kind {
  readonly kind: string;
  readonly plural: string;
  /** The first is stored. */
  readonly versions: readonly string[];
  readonly shortNames?: readonly string[];
  readonly isClusterWide?: boolean;
  /** Fields of `spec` that `kubectl get` shows, by column. */
  readonly columns?: Readonly<Record<string, string>>;
}

const traffic = ['v1', 'v1beta1', 'v1alpha3'];
const security = ['v1', 'v1beta1'];
const v1alpha1 = ['v1alpha1'];
const named = (kind: string, plural: string, versions: readonly string[], rest: Partial<Kind> = {}): Kind => ({
  kind,
  plural,
  versions,
  ...rest,
});

const groups: Readonly<Record<string, readonly Kind[]>> = {
  'security.istio.io': [
    named('AuthorizationPolicy', 'authorizationpolicies', security, { shortNames: ['ap'], columns: { Action: 'action' } }),
    named('PeerAuthentication', 'peerauthentications', security, { shortNames: ['pa'], columns: { Mode: 'mtls.mode' } }),
    named('RequestAuthentication', 'requestauthentications', security, { shortNames: ['ra'] }),
  ],
  'networking.istio.io': [
    named('DestinationRule', 'destinationrules', traffic, { shortNames: ['dr'], columns: { Host: 'host' } }),
    named('EnvoyFilter', 'envoyfilters', ['v1alpha3']),
    named('Gateway', 'gateways', traffic, { shortNames: ['gw'] }),
    named('ProxyConfig', 'proxyconfigs', ['v1beta1']),
    named('ServiceEntry', 'serviceentries', traffic, {
      shortNames: ['se'],
      columns: { Hosts: 'hosts', Location: 'location', Resolution: 'resolution' },
    }),
    named('Sidecar', 'sidecars', traffic),
    named('VirtualService', 'virtualservices', traffic, { shortNames: ['vs'], columns: { Gateways: 'gateways', Hosts: 'hosts' } }),
    named('WorkloadEntry', 'workloadentries', traffic, { shortNames: ['we'], columns: { Address: 'address' } }),
    named('WorkloadGroup', 'workloadgroups', traffic, { shortNames: ['wg'] }),
  ],
  'telemetry.istio.io': [named('Telemetry', 'telemetries', ['v1alpha1', 'v1'], { shortNames: ['telemetry'] })],
  'extensions.istio.io': [named('TrafficExtension', 'trafficextensions', v1alpha1), named('WasmPlugin', 'wasmplugins', v1alpha1)],
  'authentication.istio.io': [
    named('MeshPolicy', 'meshpolicies', v1alpha1, { isClusterWide: true }),
    named('Policy', 'policies', v1alpha1),
  ],
  'rbac.istio.io': [
    named('ClusterRbacConfig', 'clusterrbacconfigs', v1alpha1, { isClusterWide: true, columns: { Mode: 'mode' } }),
    named('RbacConfig', 'rbacconfigs', v1alpha1, { columns: { Mode: 'mode' } }),
    named('ServiceRole', 'serviceroles', v1alpha1),
    named('ServiceRoleBinding', 'servicerolebindings', v1alpha1, { columns: { Reference: 'roleRef.name' } }),
  ],
};

const anything = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };

export function meshDefinitions(): KubernetesObject[] {
  return Object.entries(groups).flatMap(([group, kinds]) => kinds.map((kind) => definition(group, kind)));
}

function definition(group: string, { kind, plural, versions, shortNames = [], isClusterWide, columns = {} }: Kind): KubernetesObject {
  const shown = Object.entries(columns).map(([name, path]) => ({ name, type: 'string', jsonPath: `.spec.${path}` }));
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}`, labels: { app: 'istio-pilot', istio: group.split('.')[0]! } },
    spec: {
      group,
      scope: isClusterWide ? 'Cluster' : 'Namespaced',
      names: {
        kind,
        listKind: `${kind}List`,
        plural,
        singular: kind.toLowerCase(),
        shortNames: [...shortNames],
        categories: ['istio-io', group.replaceAll('.', '-')],
      },
      versions: versions.map((name, index) => ({
        name,
        served: true,
        storage: index === 0,
        subresources: { status: {} },
        schema: { openAPIV3Schema: { type: 'object', properties: { spec: anything, status: anything } } },
        additionalPrinterColumns: [...shown, { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' }],
      })),
    },
  };
}
