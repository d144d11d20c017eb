import type { Check, Topic } from '../topic.ts';

const aggregated = (version: string) => `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;
const groups = ['apps/v1', 'batch/v1', 'autoscaling/v1', 'autoscaling/v2', 'policy/v1', 'networking.k8s.io/v1', 'rbac.authorization.k8s.io/v1', 'authentication.k8s.io/v1', 'authorization.k8s.io/v1', 'storage.k8s.io/v1', 'discovery.k8s.io/v1', 'events.k8s.io/v1', 'coordination.k8s.io/v1', 'certificates.k8s.io/v1', 'scheduling.k8s.io/v1', 'node.k8s.io/v1', 'admissionregistration.k8s.io/v1', 'apiextensions.k8s.io/v1', 'apiregistration.k8s.io/v1'];
const explained = ['pod', 'pod.spec', 'pod.spec.containers.resources', 'deployment.spec.strategy', 'service.spec.ports', 'configmap', 'networkpolicy.spec.ingress', 'crd.spec.versions', 'cronjob.spec', 'ingress.spec.rules.http.paths', 'pod.spec.nothing', 'nothing'];

/** What is served: discovery in its three forms, OpenAPI, health. */
export const discovery: Topic = {
  name: 'discovery',
  checks: [
    { name: 'versions', send: 'GET /api' },
    { name: 'core', send: 'GET /api/v1' },
    ...groups.map((group): Check => ({ name: `resources of ${group}`, send: `GET /apis/${group}` })),
    { name: 'one group', send: 'GET /apis/apps' },
    { name: 'a group unknown', send: 'GET /apis/unknown.example.com' },
    { name: 'a version unknown', send: 'GET /apis/apps/v9' },
    { name: 'a resource unknown', send: 'GET /apis/apps/v1/things' },
    { name: 'a resource of another version', send: 'GET /apis/batch/v1beta1/cronjobs' },
    { name: 'a core resource unknown', send: 'GET /api/v1/things' },
    { name: 'a core version unknown', send: 'GET /api/v2/pods' },
    { name: 'a resource below no namespace', send: 'GET /api/v1/namespaces/x/nodes' },
    { name: 'a resource that needs a namespace', send: 'GET /api/v1/pods/x' },
    { name: 'aggregated core', send: 'GET /api', accept: aggregated('v2') },
    { name: 'aggregated in the older form', send: 'GET /api', accept: aggregated('v2beta1'), only: ['kind', 'apiVersion'] },
    { name: 'aggregated in a form unknown', send: 'GET /api', accept: aggregated('v9') },
    { name: 'version', send: 'GET /version', only: ['major', 'minor'] },
    { name: 'index of OpenAPI', send: 'GET /openapi/v3', only: ['paths.api/v1.serverRelativeURL.length', 'kind'] },
    { name: 'OpenAPI of a group unknown', send: 'GET /openapi/v3/apis/unknown.example.com/v1' },
    { name: 'healthz', send: 'GET /healthz' },
    { name: 'livez', send: 'GET /livez' },
    { name: 'readyz', send: 'GET /readyz' },
    { name: 'a path unknown', send: 'GET /nowhere' },
    { name: 'a path unknown below the API', send: 'GET /api/v1/namespaces/x/pods/y/z/w' },
    { name: 'POST to discovery', send: 'POST /api/v1', body: {} },
    { name: 'a method unknown', send: 'BREW /api/v1/pods' },
    { name: 'OPTIONS', send: 'OPTIONS /api/v1/pods' },
    { name: 'api-versions', kubectl: 'api-versions', },
    { name: 'api-resources', kubectl: 'api-resources --sort-by=name --verbs=list --namespaced -o name' },
    ...['', 'apps', 'batch', 'networking.k8s.io', 'rbac.authorization.k8s.io', 'policy', 'autoscaling', 'storage.k8s.io', 'apiextensions.k8s.io', 'authorization.k8s.io'].map((group): Check => ({ name: `api-resources of ${group || 'core'}`, kubectl: `api-resources --api-group='${group}' -o wide` })),
    ...explained.map((what): Check => ({ name: `explain ${what}`, kubectl: `explain ${what} -o plaintext-openapiv2` })),
    { name: 'version by kubectl', kubectl: 'version -o json' },
    { name: 'cluster-info', kubectl: 'cluster-info' },
    { name: 'get all', kubectl: 'get all' },
    { name: 'a kind unknown', kubectl: 'get things' },
    { name: 'raw', kubectl: 'get --raw /apis/apps/v1/namespaces/none/deployments' },
    { name: 'raw unknown', kubectl: 'get --raw /nowhere' },
  ],
};
