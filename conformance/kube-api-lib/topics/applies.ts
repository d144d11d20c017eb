import type { Topic } from '../topic.ts';

const apply = 'application/apply-patch+yaml';
const merge = 'application/merge-patch+json';
const configMap = (data: object, metadata: object = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'c', ...metadata },
  data,
});
const at = (manager: string, more = '') => `PATCH $core/configmaps/c?fieldManager=${manager}${more}`;
const deployment = (name: string, containers: readonly object[], spec: object = {}) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name },
  spec: { selector: { matchLabels: { app: name } }, template: { metadata: { labels: { app: name } }, spec: { containers } }, ...spec },
});

/** Server-side apply: who owns which field. */
export const applies: Topic = {
  name: 'apply',
  checks: [
    { name: 'makes', send: at('one'), type: apply, body: configMap({ a: '1', b: '1' }) },
    { name: 'without a manager', send: 'PATCH $core/configmaps/c', type: apply, body: configMap({ a: '1' }) },
    { name: 'without a name', send: at('one'), type: apply, body: { apiVersion: 'v1', kind: 'ConfigMap' } },
    { name: 'with another name', send: at('one'), type: apply, body: configMap({}, { name: 'other' }) },
    { name: 'without a kind', send: at('one'), type: apply, body: { data: {} } },
    { name: 'with another kind', send: at('one'), type: apply, body: { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'c' } } },
    { name: 'with another version', send: at('one'), type: apply, body: { apiVersion: 'v2', kind: 'ConfigMap', metadata: { name: 'c' } } },
    {
      name: 'with managed fields',
      send: at('one'),
      type: apply,
      body: configMap({}, { managedFields: [{ manager: 'x', operation: 'Apply' }] }),
    },
    {
      name: 'in YAML',
      send: at('one'),
      type: apply,
      body: 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n  a: "1"\n  b: "1"\n',
    },
    { name: 'that is no YAML', send: at('one'), type: apply, body: 'a: [' },
    { name: 'with an unknown field', send: at('one'), type: apply, body: { ...configMap({ a: '1', b: '1' }), foo: 1 } },
    {
      name: 'with an unknown field, strictly',
      send: at('one', '&fieldValidation=Strict'),
      type: apply,
      body: { ...configMap({ a: '1' }), foo: 1 },
    },
    { name: 'with a wrong type', send: at('one'), type: apply, body: { ...configMap({ a: 1 }) } },
    { name: 'conflicts', send: at('two'), type: apply, body: configMap({ a: '2' }) },
    { name: 'conflicts in two fields', send: at('two'), type: apply, body: configMap({ a: '2', b: '2' }) },
    { name: 'forced', send: at('two', '&force=true'), type: apply, body: configMap({ a: '2' }) },
    { name: 'the same value is shared', send: at('three'), type: apply, body: configMap({ b: '1' }) },
    { name: 'removes what it owned alone', send: at('one'), type: apply, body: configMap({}) },
    { name: 'another one still owns', send: at('three'), type: apply, body: configMap({ b: '1', c: '3' }) },
    { name: 'an update takes over', send: 'PATCH $core/configmaps/c?fieldManager=editor', type: merge, body: { data: { c: '4' } } },
    { name: 'conflicts with an update', send: at('three'), type: apply, body: configMap({ b: '1', c: '3' }) },
    {
      name: 'with labels and finalizers',
      send: at('meta'),
      type: apply,
      body: {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'c', labels: { x: 'y' }, finalizers: ['example.com/f'], annotations: { p: 'q' } },
      },
    },
    { name: 'without them', send: at('meta'), type: apply, body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c' } } },
    { name: 'at an old version', send: at('one'), type: apply, body: configMap({ z: '1' }, { resourceVersion: '1' }) },
    { name: 'of another uid', send: at('one'), type: apply, body: configMap({ z: '1' }, { uid: 'x' }) },
    { name: 'in a dry run', send: at('dry', '&dryRun=All'), type: apply, body: configMap({ z: '1' }) },
    { name: 'managers forgotten', send: 'PATCH $core/configmaps/c', type: merge, body: { metadata: { managedFields: [{}] } } },
    { name: 'after that', send: at('one'), type: apply, body: configMap({ b: '5' }) },
    { name: 'a bad force', send: at('one', '&force=perhaps'), type: apply, body: configMap({ b: '5' }) },
    {
      name: 'makes with a uid',
      send: 'PATCH $core/configmaps/u?fieldManager=one',
      type: apply,
      body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'u', uid: 'x' } },
    },
    {
      name: 'makes at a version',
      send: 'PATCH $core/configmaps/u?fieldManager=one',
      type: apply,
      body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'u', resourceVersion: '1' } },
    },
    {
      name: 'makes a deployment',
      send: 'PATCH $apps/deployments/d?fieldManager=one',
      type: apply,
      body: deployment('d', [{ name: 'a', image: 'a:1', ports: [{ containerPort: 80 }], env: [{ name: 'X', value: '1' }] }], {
        replicas: 2,
      }),
    },
    {
      name: 'another adds a container',
      send: 'PATCH $apps/deployments/d?fieldManager=two',
      type: apply,
      body: {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'd' },
        spec: { template: { spec: { containers: [{ name: 'b', image: 'b:1' }] } } },
      },
    },
    {
      name: 'a third one conflicts deep',
      send: 'PATCH $apps/deployments/d?fieldManager=three',
      type: apply,
      body: {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'd' },
        spec: { replicas: 5, template: { spec: { containers: [{ name: 'a', image: 'a:2', env: [{ name: 'X', value: '2' }] }] } } },
      },
    },
    {
      name: 'the other leaves',
      send: 'PATCH $apps/deployments/d?fieldManager=two',
      type: apply,
      body: { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'd' } },
    },
    {
      name: 'the same key twice',
      send: 'PATCH $apps/deployments/d?fieldManager=one',
      type: apply,
      body: deployment('d', [
        { name: 'a', image: 'a:1' },
        { name: 'a', image: 'a:2' },
      ]),
    },
    { name: 'without a key', send: 'PATCH $apps/deployments/d?fieldManager=one', type: apply, body: deployment('d', [{ image: 'a:1' }]) },
    {
      name: 'invalid then',
      send: 'PATCH $apps/deployments/d?fieldManager=one',
      type: apply,
      body: deployment('d', [{ name: 'a', image: 'a:1' }], { replicas: -2 }),
    },
    {
      name: 'drops its replicas',
      send: 'PATCH $apps/deployments/d?fieldManager=one',
      type: apply,
      body: deployment('d', [{ name: 'a', image: 'a:1' }]),
    },
    {
      name: 'of the status',
      send: 'PATCH $apps/deployments/d/status?fieldManager=ctl',
      type: apply,
      body: {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'd' },
        status: { replicas: 1, conditions: [{ type: 'Available', status: 'True' }] },
      },
    },
    {
      name: 'of the scale',
      send: 'PATCH $apps/deployments/d/scale?fieldManager=scaler',
      type: apply,
      body: { apiVersion: 'autoscaling/v1', kind: 'Scale', metadata: { name: 'd' }, spec: { replicas: 3 } },
    },
    {
      name: 'conflicts with the scale',
      send: 'PATCH $apps/deployments/d?fieldManager=one',
      type: apply,
      body: deployment('d', [{ name: 'a', image: 'a:1' }], { replicas: 8 }),
    },
    {
      name: 'scale conflicts',
      send: 'PATCH $apps/deployments/d/scale?fieldManager=other',
      type: apply,
      body: { apiVersion: 'autoscaling/v1', kind: 'Scale', metadata: { name: 'd' }, spec: { replicas: 4 } },
    },
    {
      name: 'through another version',
      send: 'PATCH /apis/autoscaling/v1/namespaces/$ns/horizontalpodautoscalers/h?fieldManager=one',
      type: apply,
      body: {
        apiVersion: 'autoscaling/v1',
        kind: 'HorizontalPodAutoscaler',
        metadata: { name: 'h' },
        spec: {
          maxReplicas: 3,
          scaleTargetRef: { kind: 'Deployment', name: 'd', apiVersion: 'apps/v1' },
          targetCPUUtilizationPercentage: 50,
        },
      },
    },
    { name: 'and seen in the newer', send: 'GET /apis/autoscaling/v2/namespaces/$ns/horizontalpodautoscalers/h' },
    {
      name: 'and changed in the newer',
      send: 'PATCH /apis/autoscaling/v2/namespaces/$ns/horizontalpodautoscalers/h?fieldManager=two',
      type: apply,
      body: { apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler', metadata: { name: 'h' }, spec: { maxReplicas: 5 } },
    },
    {
      name: 'a service by two',
      send: 'PATCH $core/services/s?fieldManager=one',
      type: apply,
      body: {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 's' },
        spec: { ports: [{ port: 80, name: 'http' }], selector: { a: 'b' } },
      },
    },
    {
      name: 'adds a port',
      send: 'PATCH $core/services/s?fieldManager=two',
      type: apply,
      body: { apiVersion: 'v1', kind: 'Service', metadata: { name: 's' }, spec: { ports: [{ port: 81, protocol: 'TCP', name: 'more' }] } },
    },
    {
      name: 'selector is one piece',
      send: 'PATCH $core/services/s?fieldManager=two',
      type: apply,
      body: { apiVersion: 'v1', kind: 'Service', metadata: { name: 's' }, spec: { selector: { c: 'd' } } },
    },
    {
      name: 'kubectl applies',
      kubectl: 'apply --server-side -f -',
      stdin: '{apiVersion: v1, kind: ConfigMap, metadata: {name: k}, data: {a: "1"}}',
    },
    {
      name: 'kubectl applies client-side',
      kubectl: 'apply -f -',
      stdin: '{apiVersion: v1, kind: ConfigMap, metadata: {name: k2}, data: {a: "1"}}',
    },
    {
      name: 'kubectl moves to server-side',
      kubectl: 'apply --server-side -f -',
      stdin: '{apiVersion: v1, kind: ConfigMap, metadata: {name: k2}, data: {a: "2"}}',
    },
    {
      name: 'kubectl conflicts',
      kubectl: 'apply --server-side --field-manager=other -f -',
      stdin: '{apiVersion: v1, kind: ConfigMap, metadata: {name: k2}, data: {a: "3"}}',
    },
    {
      name: 'kubectl forces',
      kubectl: 'apply --server-side --field-manager=other --force-conflicts -f -',
      stdin: '{apiVersion: v1, kind: ConfigMap, metadata: {name: k2}, data: {a: "3"}}',
    },
    { name: 'kubectl shows the fields', kubectl: 'get cm k2 -o yaml --show-managed-fields' },
  ],
};
