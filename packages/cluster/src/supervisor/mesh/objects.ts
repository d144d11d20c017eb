/** The control plane's own objects: namespace, account with its rights, configuration, Deployment and Service `istiod`. */
import { injectionWebhooks } from '@palisade/control-plane/webhook-configurations';
import type { KubernetesObject } from '@palisade/kubernetes';
import { gatewayObjects } from './gateway.ts';

const namespace = 'istio-system';
const labels = { app: 'istiod', istio: 'pilot' };

/** What `watchMesh` and `publish` of the control plane do, and nothing more. */
const rules = [
  { apiGroups: [''], resources: ['services', 'pods', 'namespaces', 'configmaps'], verbs: ['get', 'list', 'watch'] },
  { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['get', 'list', 'watch'] },
  {
    apiGroups: ['security.istio.io', 'networking.istio.io', 'authentication.istio.io', 'rbac.istio.io'],
    resources: ['*'],
    verbs: ['get', 'list', 'watch'],
  },
  { apiGroups: ['authentication.k8s.io'], resources: ['tokenreviews'], verbs: ['create'] },
  { apiGroups: ['authorization.k8s.io'], resources: ['subjectaccessreviews'], verbs: ['create'] },
  { apiGroups: [''], resources: ['configmaps'], verbs: ['create', 'patch'] },
  { apiGroups: [''], resources: ['events'], verbs: ['create'] },
  {
    apiGroups: ['admissionregistration.k8s.io'],
    resources: ['mutatingwebhookconfigurations', 'validatingwebhookconfigurations'],
    verbs: ['create', 'get', 'patch'],
  },
];

export function meshObjects(dataplane: 'palisade' | 'envoy'): KubernetesObject[] {
  const account = { kind: 'ServiceAccount', name: 'istiod', namespace };
  const role = (kind: string) => ({ apiGroup: 'rbac.authorization.k8s.io', kind, name: 'istiod' });
  const port = (name: string, number: number, targetPort: number) => ({ name, port: number, targetPort, protocol: 'TCP' });
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace, name: 'istiod' } },
    { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name: 'istiod' }, rules },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: 'istiod' },
      subjects: [account],
      roleRef: role('ClusterRole'),
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata: { namespace, name: 'istiod' },
      rules: [{ apiGroups: [''], resources: ['secrets'], verbs: ['get', 'list', 'watch', 'create', 'update'] }],
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { namespace, name: 'istiod' },
      subjects: [account],
      roleRef: role('Role'),
    },
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name: 'istio' }, data: { mesh: 'trustDomain: cluster.local\n' } },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { namespace, name: 'istiod', labels },
      spec: {
        replicas: 1,
        selector: { matchLabels: labels },
        template: {
          metadata: { labels: { ...labels, 'sidecar.istio.io/inject': 'false' } },
          spec: {
            serviceAccountName: 'istiod',
            containers: [
              {
                name: 'discovery',
                image: 'palisade/istiod',
                env: [
                  { name: 'POD_NAMESPACE', valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } },
                  { name: 'PALISADE_DATAPLANE', value: dataplane },
                ],
                ports: [{ containerPort: 15_012 }, { containerPort: 15_017 }, { containerPort: 8080 }],
                readinessProbe: { httpGet: { path: '/ready', port: 8080 }, periodSeconds: 1, timeoutSeconds: 5 },
              },
            ],
          },
        },
      },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { namespace, name: 'istiod', labels },
      spec: {
        selector: labels,
        ports: [port('https-dns', 15_012, 15_012), port('https-webhook', 443, 15_017), port('http-monitoring', 15_014, 8080)],
      },
    },
    // The control plane fills in whom to trust. A pod of the mesh that comes before it waits, and does not start without its proxy.
    injectionWebhooks(namespace, ''),
    ...gatewayObjects(namespace, dataplane),
  ];
}
