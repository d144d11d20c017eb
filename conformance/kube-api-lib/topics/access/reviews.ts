import type { Check } from '../../topic.ts';

const sar = (name: string, spec: object): Check => ({
  name: `access review: ${name}`,
  send: 'POST /apis/authorization.k8s.io/v1/subjectaccessreviews',
  body: { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', spec },
});
const attributes = (verb: string, resource: string, more: object = {}) => ({
  user: 'jane',
  resourceAttributes: { namespace: 't-access', verb, resource, ...more },
});

/** The review kinds: may somebody, may I, who am I. They ask about what the checks of roles made. */
export const reviewChecks: readonly Check[] = [
  { ...sar('allowed', attributes('get', 'pods')), afterMs: 300 },
  sar('denied', attributes('delete', 'pods')),
  sar('subresource', attributes('update', 'deployments', { group: 'apps', subresource: 'scale' })),
  sar('named', attributes('get', 'configmaps', { name: 'one' })),
  sar('path', { user: 'jane', nonResourceAttributes: { path: '/logs/a/b', verb: 'get' } }),
  sar('path denied', { user: 'jane', nonResourceAttributes: { path: '/metrics', verb: 'get' } }),
  sar('masters', { groups: ['system:masters'], resourceAttributes: { verb: '*', resource: '*', group: '*' } }),
  sar('both', { user: 'jane', resourceAttributes: { verb: 'get' }, nonResourceAttributes: { path: '/', verb: 'get' } }),
  sar('neither', { user: 'jane' }),
  sar('nobody', { resourceAttributes: { verb: 'get', resource: 'pods' } }),
  sar('a node', { user: 'system:node:n1', groups: ['system:nodes'], resourceAttributes: { verb: 'list', resource: 'nodes' } }),
  {
    name: 'own access',
    send: 'POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
    as: 'jane',
    body: { spec: { resourceAttributes: { namespace: 't-access', verb: 'get', resource: 'pods' } } },
  },
  {
    name: 'own access as administrator',
    send: 'POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
    body: { spec: { resourceAttributes: { verb: 'delete', resource: 'nodes' } } },
  },
  { name: 'own access without a question', send: 'POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews', body: { spec: {} } },
  {
    name: 'local access',
    send: 'POST /apis/authorization.k8s.io/v1/namespaces/$ns/localsubjectaccessreviews',
    body: { metadata: { namespace: 't-access' }, spec: attributes('get', 'pods') },
  },
  {
    name: 'local access elsewhere',
    send: 'POST /apis/authorization.k8s.io/v1/namespaces/default/localsubjectaccessreviews',
    body: { metadata: { namespace: 'default' }, spec: attributes('get', 'pods') },
  },
  {
    name: 'own rules',
    send: 'POST /apis/authorization.k8s.io/v1/selfsubjectrulesreviews',
    as: 'jane',
    body: { spec: { namespace: 't-access' } },
    only: ['status.incomplete', 'status.nonResourceRules.length', 'kind'],
  },
  { name: 'own rules without a namespace', send: 'POST /apis/authorization.k8s.io/v1/selfsubjectrulesreviews', body: { spec: {} } },
  { name: 'who am I', send: 'POST /apis/authentication.k8s.io/v1/selfsubjectreviews', as: 'jane', groups: ['a', 'b'], body: {} },
  { name: 'who am I as administrator', send: 'POST /apis/authentication.k8s.io/v1/selfsubjectreviews', body: {} },
  { name: 'reviews cannot be read', send: 'GET /apis/authorization.k8s.io/v1/subjectaccessreviews' },
];
