/**
 * Istio's kinds, today's and 1.1's. Names, versions, stored versions and fields are Istio's, and a user's own definitions may be applied
 * over these. The schemas know every field and its type; what the fields may hold is checked by the control plane at admission.
 */
import type { KubernetesObject } from '@palisade/kubernetes';
import { status } from './schemas/common.ts';
import { destinationRule } from './schemas/destination-rule.ts';
import { envoyFilter, trafficExtension, wasmPlugin } from './schemas/extensions.ts';
import { gateway, serviceEntry, sidecar } from './schemas/gateway.ts';
import { authenticationPolicy, rbacConfig, serviceRole, serviceRoleBinding } from './schemas/legacy.ts';
import { authorizationPolicy, peerAuthentication, requestAuthentication } from './schemas/security.ts';
import { telemetry } from './schemas/telemetry.ts';
import { virtualService } from './schemas/virtual-service.ts';
import type { Schema } from './schemas/words.ts';
import { proxyConfig, workload, workloadGroup } from './schemas/workload.ts';

interface Kind {
  readonly kind: string;
  readonly plural: string;
  /** The first is stored. */
  readonly versions: readonly string[];
  readonly spec: Schema;
  readonly shortNames?: readonly string[];
  readonly isClusterWide?: boolean;
  /** Fields of `spec` that `kubectl get` shows, by column. */
  readonly columns?: Readonly<Record<string, string>>;
}

const traffic = ['v1', 'v1beta1', 'v1alpha3'];
const security = ['v1', 'v1beta1'];
const v1alpha1 = ['v1alpha1'];
const named = (kind: string, plural: string, versions: readonly string[], spec: Schema, rest: Partial<Kind> = {}): Kind => ({
  kind,
  plural,
  versions,
  spec,
  ...rest,
});

const groups: Readonly<Record<string, readonly Kind[]>> = {
  'security.istio.io': [
    named('AuthorizationPolicy', 'authorizationpolicies', security, authorizationPolicy, {
      shortNames: ['ap'],
      columns: { Action: 'action' },
    }),
    named('PeerAuthentication', 'peerauthentications', security, peerAuthentication, {
      shortNames: ['pa'],
      columns: { Mode: 'mtls.mode' },
    }),
    named('RequestAuthentication', 'requestauthentications', security, requestAuthentication, { shortNames: ['ra'] }),
  ],
  'networking.istio.io': [
    named('DestinationRule', 'destinationrules', traffic, destinationRule, { shortNames: ['dr'], columns: { Host: 'host' } }),
    named('EnvoyFilter', 'envoyfilters', ['v1alpha3'], envoyFilter),
    named('Gateway', 'gateways', traffic, gateway, { shortNames: ['gw'] }),
    named('ProxyConfig', 'proxyconfigs', ['v1beta1'], proxyConfig),
    named('ServiceEntry', 'serviceentries', traffic, serviceEntry, {
      shortNames: ['se'],
      columns: { Hosts: 'hosts', Location: 'location', Resolution: 'resolution' },
    }),
    named('Sidecar', 'sidecars', traffic, sidecar),
    named('VirtualService', 'virtualservices', traffic, virtualService, {
      shortNames: ['vs'],
      columns: { Gateways: 'gateways', Hosts: 'hosts' },
    }),
    named('WorkloadEntry', 'workloadentries', traffic, workload, { shortNames: ['we'], columns: { Address: 'address' } }),
    named('WorkloadGroup', 'workloadgroups', traffic, workloadGroup, { shortNames: ['wg'] }),
  ],
  'telemetry.istio.io': [named('Telemetry', 'telemetries', ['v1alpha1', 'v1'], telemetry, { shortNames: ['telemetry'] })],
  'extensions.istio.io': [
    named('TrafficExtension', 'trafficextensions', v1alpha1, trafficExtension),
    named('WasmPlugin', 'wasmplugins', v1alpha1, wasmPlugin),
  ],
  'authentication.istio.io': [
    named('MeshPolicy', 'meshpolicies', v1alpha1, authenticationPolicy, { isClusterWide: true }),
    named('Policy', 'policies', v1alpha1, authenticationPolicy),
  ],
  'rbac.istio.io': [
    named('ClusterRbacConfig', 'clusterrbacconfigs', v1alpha1, rbacConfig, { isClusterWide: true, columns: { Mode: 'mode' } }),
    named('RbacConfig', 'rbacconfigs', v1alpha1, rbacConfig, { columns: { Mode: 'mode' } }),
    named('ServiceRole', 'serviceroles', v1alpha1, serviceRole),
    named('ServiceRoleBinding', 'servicerolebindings', v1alpha1, serviceRoleBinding, { columns: { Reference: 'roleRef.name' } }),
  ],
};

export function meshDefinitions(): KubernetesObject[] {
  return Object.entries(groups).flatMap(([group, kinds]) => kinds.map((kind) => definition(group, kind)));
}

function definition(group: string, { kind, plural, versions, spec, shortNames = [], isClusterWide, columns = {} }: Kind): KubernetesObject {
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
        schema: { openAPIV3Schema: { type: 'object', description: spec['description'], properties: { spec, status } } },
        additionalPrinterColumns: [...shown, { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' }],
      })),
    },
  };
}
