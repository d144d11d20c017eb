import type { KubernetesObject } from '@palisade/kubernetes';
import type { PolicyRule } from './rbac.ts';

const RBAC = 'rbac.authorization.k8s.io';
const LABELS = { 'kubernetes.io/bootstrapping': 'rbac-defaults' };
const ANNOTATIONS = { 'rbac.authorization.kubernetes.io/autoupdate': 'true' };

const READ = ['get', 'list', 'watch'];
const WRITE = ['create', 'delete', 'deletecollection', 'patch', 'update'];

const rule = (verbs: readonly string[], apiGroups: readonly string[], resources: readonly string[]): PolicyRule => ({
  verbs,
  apiGroups,
  resources,
});
const paths = (nonResourceURLs: readonly string[]): PolicyRule => ({ verbs: ['get'], nonResourceURLs });

/** What the owner of an application works with inside a namespace. */
const CORE_WORK = [
  'configmaps',
  'endpoints',
  'events',
  'persistentvolumeclaims',
  'persistentvolumeclaims/status',
  'pods',
  'pods/log',
  'pods/status',
  'replicationcontrollers',
  'replicationcontrollers/scale',
  'replicationcontrollers/status',
  'serviceaccounts',
  'services',
  'services/status',
  'bindings',
  'limitranges',
  'namespaces/status',
  'resourcequotas',
  'resourcequotas/status',
  'namespaces',
]; // prettier-ignore
const CORE_WRITABLE = [
  'configmaps',
  'endpoints',
  'events',
  'persistentvolumeclaims',
  'pods',
  'replicationcontrollers',
  'replicationcontrollers/scale',
  'secrets',
  'serviceaccounts',
  'services',
  'services/proxy',
];
const APPS = [
  'controllerrevisions',
  'daemonsets',
  'daemonsets/status',
  'deployments',
  'deployments/scale',
  'deployments/status',
  'replicasets',
  'replicasets/scale',
  'replicasets/status',
  'statefulsets',
  'statefulsets/scale',
  'statefulsets/status',
];
const APPS_WRITABLE = [
  'daemonsets',
  'deployments',
  'deployments/rollback',
  'deployments/scale',
  'replicasets',
  'replicasets/scale',
  'statefulsets',
  'statefulsets/scale',
];

const VIEW: readonly PolicyRule[] = [
  rule(READ, [''], CORE_WORK),
  rule(READ, ['apps'], APPS),
  rule(READ, ['autoscaling'], ['horizontalpodautoscalers', 'horizontalpodautoscalers/status']),
  rule(READ, ['batch'], ['cronjobs', 'cronjobs/status', 'jobs', 'jobs/status']),
  rule(READ, ['discovery.k8s.io'], ['endpointslices']),
  rule(READ, ['networking.k8s.io'], ['ingresses', 'ingresses/status', 'networkpolicies']),
  rule(READ, ['policy'], ['poddisruptionbudgets', 'poddisruptionbudgets/status']),
];

const EDIT: readonly PolicyRule[] = [
  ...VIEW,
  rule(READ, [''], ['pods/attach', 'pods/exec', 'pods/portforward', 'pods/proxy', 'secrets', 'services/proxy']),
  rule(WRITE, [''], [...CORE_WRITABLE, 'pods/attach', 'pods/exec', 'pods/portforward', 'pods/proxy']),
  rule(['create'], [''], ['pods/eviction', 'serviceaccounts/token']),
  rule(['impersonate'], [''], ['serviceaccounts']),
  rule(WRITE, ['apps'], APPS_WRITABLE),
  rule(WRITE, ['autoscaling'], ['horizontalpodautoscalers']),
  rule(WRITE, ['batch'], ['cronjobs', 'jobs']),
  rule(WRITE, ['networking.k8s.io'], ['ingresses', 'networkpolicies']),
  rule(WRITE, ['policy'], ['poddisruptionbudgets']),
  rule([...READ, ...WRITE], ['coordination.k8s.io'], ['leases']),
];

const ADMIN: readonly PolicyRule[] = [
  ...EDIT,
  rule(['create'], ['authorization.k8s.io'], ['localsubjectaccessreviews']),
  rule([...READ, ...WRITE], [RBAC], ['rolebindings', 'roles']),
];

const DISCOVERY = [
  '/api',
  '/api/*',
  '/apis',
  '/apis/*',
  '/healthz',
  '/livez',
  '/openapi',
  '/openapi/*',
  '/readyz',
  '/version',
  '/version/',
];

interface ClusterRoleSpec {
  readonly name: string;
  readonly rules: readonly PolicyRule[];
  /** Groups the role is bound to cluster-wide, by a binding of the same name. */
  readonly boundTo?: readonly string[];
}

/** The bootstrap roles a cluster of this size needs: what kubectl, users and service accounts of a real cluster find. */
const CLUSTER_ROLES: readonly ClusterRoleSpec[] = [
  { name: 'cluster-admin', rules: [rule(['*'], ['*'], ['*']), { verbs: ['*'], nonResourceURLs: ['*'] }], boundTo: ['system:masters'] },
  { name: 'admin', rules: ADMIN },
  { name: 'edit', rules: EDIT },
  { name: 'view', rules: VIEW },
  { name: 'system:discovery', rules: [paths(DISCOVERY)], boundTo: ['system:authenticated'] },
  {
    name: 'system:public-info-viewer',
    rules: [paths(['/healthz', '/livez', '/readyz', '/version', '/version/'])],
    boundTo: ['system:authenticated'],
  },
  {
    name: 'system:basic-user',
    rules: [
      rule(['create'], ['authorization.k8s.io'], ['selfsubjectaccessreviews', 'selfsubjectrulesreviews']),
      rule(['create'], ['authentication.k8s.io'], ['selfsubjectreviews']),
    ],
    boundTo: ['system:authenticated'],
  },
  {
    name: 'system:service-account-issuer-discovery',
    rules: [paths(['/.well-known/openid-configuration', '/.well-known/openid-configuration/', '/openid/v1/jwks', '/openid/v1/jwks/'])],
    boundTo: ['system:serviceaccounts'],
  },
  {
    name: 'system:auth-delegator',
    rules: [
      rule(['create'], ['authentication.k8s.io'], ['tokenreviews']),
      rule(['create'], ['authorization.k8s.io'], ['subjectaccessreviews']),
    ],
  },
];

export function bootstrapPolicy(): { resource: 'clusterroles' | 'clusterrolebindings'; object: KubernetesObject }[] {
  const metadata = (name: string) => ({ name, labels: LABELS, annotations: ANNOTATIONS });
  return CLUSTER_ROLES.flatMap(({ name, rules, boundTo }) => {
    const role = {
      resource: 'clusterroles' as const,
      object: { apiVersion: `${RBAC}/v1`, kind: 'ClusterRole', metadata: metadata(name), rules },
    };
    if (boundTo === undefined) return [role];
    const object: KubernetesObject = {
      apiVersion: `${RBAC}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: metadata(name),
      roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name },
      subjects: boundTo.map((group) => ({ apiGroup: RBAC, kind: 'Group', name: group })),
    };
    return [role, { resource: 'clusterrolebindings' as const, object }];
  });
}
