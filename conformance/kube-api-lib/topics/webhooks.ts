import type { Check, Topic } from '../topic.ts';

const merge = 'application/merge-patch+json';
type Kind = 'Mutating' | 'Validating';
const collection = (kind: Kind) => `$hooksApi/${kind.toLowerCase()}webhookconfigurations`;
const rules = [{ operations: ['CREATE', 'UPDATE', 'DELETE'], apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'] }];
const hook = (path: string, more: object = {}) => ({
  name: 'hook.parity.example.com',
  admissionReviewVersions: ['v1'],
  sideEffects: 'None',
  clientConfig: { url: `$hooks${path}`, caBundle: '$caBundle' },
  namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 't-webhooks' } },
  rules,
  ...more,
});
const configuration = (kind: Kind, webhooks: readonly object[], name = 'parity') => ({
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind: `${kind}WebhookConfiguration`,
  metadata: { name },
  webhooks,
});
const configMap = (name: string, more: object = {}) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, ...more });
/** One webhook is put in place, a ConfigMap is sent past it, and it is taken away. */
function past(kind: Kind, name: string, webhook: object, sent: Partial<Check> = {}): Check[] {
  return [
    { name: `${name}: in place`, send: `POST ${collection(kind)}`, body: configuration(kind, [webhook]), only: ['kind', 'message'] },
    { name, afterMs: 300, send: 'POST $core/configmaps?dryRun=All', body: configMap('x'), ...sent },
    { name: `${name}: away`, send: `DELETE ${collection(kind)}/parity`, only: ['status'] },
  ];
}
const bad = (name: string, webhook: object): Check => ({
  name: `refused: ${name}`,
  send: `POST ${collection('Validating')}?dryRun=All`,
  body: configuration('Validating', [webhook]),
});

/** Admission by webhooks, and policies in CEL. */
export const webhooks: Topic = {
  name: 'webhooks',
  checks: [
    {
      name: 'defaults',
      send: `POST ${collection('Validating')}?dryRun=All`,
      body: configuration('Validating', [{ ...hook('/allow'), clientConfig: { service: { name: 's', namespace: 'n' } } }]),
    },
    {
      name: 'defaults of a mutating one',
      send: `POST ${collection('Mutating')}?dryRun=All`,
      body: configuration('Mutating', [{ ...hook('/allow'), clientConfig: { url: 'https://example.com/x' } }]),
    },
    bad('no name', hook('/allow', { name: '' })),
    bad('a name without dots', hook('/allow', { name: 'hook' })),
    bad('no side effects', hook('/allow', { sideEffects: undefined })),
    bad('side effects unknown', hook('/allow', { sideEffects: 'Some' })),
    bad('no review versions', hook('/allow', { admissionReviewVersions: [] })),
    bad('review versions unknown', hook('/allow', { admissionReviewVersions: ['v9'] })),
    bad('no address', hook('/allow', { clientConfig: {} })),
    bad('two addresses', hook('/allow', { clientConfig: { url: 'https://x.example.com', service: { name: 's', namespace: 'n' } } })),
    bad('plain HTTP', hook('/allow', { clientConfig: { url: 'http://x.example.com' } })),
    bad('a URL with a user', hook('/allow', { clientConfig: { url: 'https://u:p@x.example.com' } })),
    bad('a bad bundle', hook('/allow', { clientConfig: { url: 'https://x.example.com', caBundle: 'eA==' } })),
    bad('a bad port', hook('/allow', { clientConfig: { service: { name: 's', namespace: 'n', port: 99999 } } })),
    bad('a bad path', hook('/allow', { clientConfig: { service: { name: 's', namespace: 'n', path: 'x//y' } } })),
    bad('failure policy unknown', hook('/allow', { failurePolicy: 'Shrug' })),
    bad('match policy unknown', hook('/allow', { matchPolicy: 'Roughly' })),
    bad('a timeout of nothing', hook('/allow', { timeoutSeconds: 0 })),
    bad('a timeout too long', hook('/allow', { timeoutSeconds: 31 })),
    bad('rules without operations', hook('/allow', { rules: [{ apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] }] })),
    bad('an operation unknown', hook('/allow', { rules: [{ ...rules[0], operations: ['READ'] }] })),
    bad('an operation beside all', hook('/allow', { rules: [{ ...rules[0], operations: ['*', 'CREATE'] }] })),
    bad('resources that overlap', hook('/allow', { rules: [{ ...rules[0], resources: ['*', 'pods'] }] })),
    bad('a scope unknown', hook('/allow', { rules: [{ ...rules[0], scope: 'World' }] })),
    bad('a bad selector', hook('/allow', { namespaceSelector: { matchExpressions: [{ key: 'a', operator: 'Near' }] } })),
    bad('a condition that does not compile', hook('/allow', { matchConditions: [{ name: 'c', expression: 'object.' }] })),
    bad('a condition that is no truth', hook('/allow', { matchConditions: [{ name: 'c', expression: '"x"' }] })),
    bad('a condition without a name', hook('/allow', { matchConditions: [{ name: '', expression: 'true' }] })),
    bad(
      'the same condition twice',
      hook('/allow', { matchConditions: ['true', 'false'].map((expression) => ({ name: 'c', expression })) }),
    ),
    {
      name: 'two webhooks of one name',
      send: `POST ${collection('Mutating')}?dryRun=All`,
      body: configuration('Mutating', [hook('/allow'), hook('/deny')]),
      only: ['webhooks.length', 'code', 'message'],
    },
    {
      name: 'reinvocation unknown',
      send: `POST ${collection('Mutating')}?dryRun=All`,
      body: configuration('Mutating', [hook('/allow', { reinvocationPolicy: 'Ever' })]),
    },
    ...past('Validating', 'allows', hook('/allow')),
    ...past('Validating', 'denies', hook('/deny')),
    ...past('Validating', 'denies with a message', hook('/deny-message')),
    ...past('Validating', 'denies with a code', hook('/deny-code')),
    ...past('Validating', 'warns', hook('/warn')),
    ...past('Validating', 'is asked', hook('/echo')),
    ...past('Validating', 'is asked by somebody', hook('/echo'), { as: 'root', groups: ['system:masters', 'x'] }),
    ...past('Validating', 'is asked about a delete', hook('/echo'), {
      send: 'DELETE $core/configmaps/kept?dryRun=All&propagationPolicy=Background',
      body: undefined,
    }),
    ...past('Validating', 'breaks', hook('/500')),
    ...past('Validating', 'breaks and is ignored', hook('/500', { failurePolicy: 'Ignore' })),
    ...past('Validating', 'is not there', hook('/nowhere')),
    ...past('Validating', 'answers text', hook('/text')),
    ...past('Validating', 'answers nothing', hook('/empty')),
    ...past('Validating', 'answers without a response', hook('/no-response')),
    ...past('Validating', 'answers another kind', hook('/other-kind')),
    ...past('Validating', 'answers about another request', hook('/other-uid')),
    ...past('Validating', 'takes too long', hook('/slow', { timeoutSeconds: 1 })),
    ...past('Validating', 'takes too long and is ignored', hook('/slow', { timeoutSeconds: 1, failurePolicy: 'Ignore' })),
    ...past('Validating', 'is not trusted', hook('/allow', { clientConfig: { url: '$hooks/allow' } })),
    ...past('Validating', 'does not take dry runs', hook('/deny', { sideEffects: 'NoneOnDryRun' })),
    ...past('Validating', 'selects another label', hook('/deny', { objectSelector: { matchLabels: { other: 'x' } } })),
    ...past('Validating', 'looks at another namespace', hook('/deny', { namespaceSelector: { matchLabels: { other: 'x' } } })),
    ...past('Validating', 'looks at other kinds', hook('/deny', { rules: [{ ...rules[0], resources: ['secrets'] }] })),
    ...past(
      'Validating',
      'looks at every kind',
      hook('/deny', { rules: [{ ...rules[0], apiGroups: ['*'], apiVersions: ['*'], resources: ['*/*'] }] }),
    ),
    ...past('Validating', 'looks at the cluster', hook('/deny', { rules: [{ ...rules[0], scope: 'Cluster' }] })),
    ...past(
      'Validating',
      'has a condition that holds',
      hook('/deny', { matchConditions: [{ name: 'c', expression: "object.metadata.name == 'x'" }] }),
    ),
    ...past(
      'Validating',
      'has a condition that does not',
      hook('/deny', { matchConditions: [{ name: 'c', expression: "request.operation == 'DELETE'" }] }),
    ),
    ...past(
      'Validating',
      'has a condition that fails',
      hook('/deny', { matchConditions: [{ name: 'c', expression: 'object.data.none == "x"' }] }),
    ),
    ...past('Mutating', 'changes', hook('/label')),
    ...past('Mutating', 'changes what cannot be', hook('/patch-bad')),
    ...past('Mutating', 'makes it invalid', hook('/patch-invalid')),
    ...past('Mutating', 'patches in another way', hook('/patch-type')),
    ...past('Mutating', 'patches without a type', hook('/patch-untyped')),
    ...past('Mutating', 'denies early', hook('/deny-message')),
    ...past('Mutating', 'breaks early', hook('/500')),
    {
      name: 'policy that refuses',
      send: 'POST $hooksApi/validatingadmissionpolicies?dryRun=All',
      body: {
        apiVersion: 'admissionregistration.k8s.io/v1',
        kind: 'ValidatingAdmissionPolicy',
        metadata: { name: 'p' },
        spec: { matchConstraints: { resourceRules: rules }, validations: [{ expression: 'object.' }] },
      },
      only: ['code', 'reason'],
    },
    {
      name: 'pod security: enforced',
      kubectl:
        'label namespace t-webhooks pod-security.kubernetes.io/enforce=restricted pod-security.kubernetes.io/warn=restricted pod-security.kubernetes.io/enforce-version=latest',
    },
    {
      name: 'pod security: refused',
      send: 'POST $core/pods',
      body: {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'p' },
        spec: {
          hostNetwork: true,
          containers: [
            { name: 'a', image: 'a', securityContext: { privileged: true, capabilities: { add: ['NET_ADMIN'] } } },
            { name: 'b', image: 'b', ports: [{ containerPort: 80, hostPort: 80 }] },
          ],
          volumes: [{ name: 'h', hostPath: { path: '/' } }],
        },
      },
    },
    {
      name: 'pod security: a deployment is warned about',
      send: 'POST $apps/deployments?dryRun=All',
      body: {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'd' },
        spec: {
          selector: { matchLabels: { a: 'b' } },
          template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'a', image: 'a' }] } },
        },
      },
      only: ['kind'],
    },
    {
      name: 'pod security: allowed',
      send: 'POST $core/pods',
      body: {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'p' },
        spec: {
          securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
          containers: [{ name: 'a', image: 'a', securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } } }],
        },
      },
      only: ['metadata.name', 'message'],
    },
    {
      name: 'pod security: a level unknown',
      send: 'PATCH /api/v1/namespaces/t-webhooks',
      type: merge,
      body: { metadata: { labels: { 'pod-security.kubernetes.io/enforce': 'lax' } } },
    },
    {
      name: 'pod security: a version unknown',
      send: 'PATCH /api/v1/namespaces/t-webhooks',
      type: merge,
      body: { metadata: { labels: { 'pod-security.kubernetes.io/enforce-version': 'v0.x' } } },
    },
    {
      name: 'pod security: enforced over what runs',
      kubectl: 'label --overwrite namespace t-webhooks pod-security.kubernetes.io/enforce=baseline',
    },
  ],
};
