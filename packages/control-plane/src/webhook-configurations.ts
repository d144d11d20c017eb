/**
 * What the API server asks the control plane about. Whoever installs the control plane writes the first of these, without a `caBundle`: until
 * the control plane is there and fills it in, pods of the mesh are refused rather than started without a proxy.
 */
import type { KubernetesObject } from '@palisade/kubernetes';
import { injectName, interceptionName, wafName } from './inject/names.ts';
import { revision, revisionName } from './revision.ts';

const isNot = (key: string, ...values: string[]) => ({ key, operator: 'NotIn', values });
const is = (key: string, ...values: string[]) => ({ key, operator: 'In', values });
const isAbsent = (key: string) => ({ key, operator: 'DoesNotExist' });
type Expression = ReturnType<typeof is> | ReturnType<typeof isAbsent>;

const injection = 'istio-injection';
const pods = [{ apiGroups: [''], apiVersions: ['v1'], resources: ['pods'], operations: ['CREATE'], scope: '*' }];

function common(namespace: string, path: string, caBundle: string) {
  return {
    admissionReviewVersions: ['v1'],
    sideEffects: 'None',
    failurePolicy: 'Fail',
    timeoutSeconds: 10,
    clientConfig: { service: { namespace, name: 'istiod', path, port: 443 }, ...(caBundle === '' ? {} : { caBundle }) },
  };
}

/** @param caBundle base64; empty = nobody is trusted yet */
export function injectionWebhooks(namespace: string, caBundle: string): KubernetesObject {
  // The control plane's own pods must start without the control plane.
  const elsewhere = isNot('kubernetes.io/metadata.name', namespace);
  const injector = (name: string, ofNamespace: readonly Expression[], ofPod: readonly Expression[]) => ({
    name,
    rules: pods,
    namespaceSelector: { matchExpressions: ofNamespace },
    objectSelector: { matchExpressions: ofPod },
    ...common(namespace, '/inject', caBundle),
  });
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: 'istio-sidecar-injector', labels: { app: 'sidecar-injector', [revisionName]: revision } },
    webhooks: [
      injector('namespace.sidecar-injector.istio.io', [is(injection, 'enabled')], [isNot(injectName, 'false')]),
      injector('rev.namespace.sidecar-injector.istio.io', [is(revisionName, revision), isAbsent(injection)], [isNot(injectName, 'false')]),
      injector(
        'object.sidecar-injector.istio.io',
        [isAbsent(injection), isAbsent(revisionName), elsewhere],
        [is(injectName, 'true'), isAbsent(revisionName)],
      ),
      injector(
        'rev.object.sidecar-injector.istio.io',
        [isAbsent(injection), isAbsent(revisionName), elsewhere],
        [isNot(injectName, 'false'), is(revisionName, revision)],
      ),
      // There no label takes a pod out.
      injector('inline.sidecar-injector.palisade.dev', [is(interceptionName, 'inline'), elsewhere], [is(injectName, 'false')]),
      {
        name: 'waf.sidecar-injector.palisade.dev',
        rules: pods,
        namespaceSelector: { matchExpressions: [elsewhere] },
        // An annotation can be asked about by an expression only.
        matchConditions: [
          {
            name: 'asks-for-a-waf',
            expression: ['labels', 'annotations']
              .map((field) => `has(object.metadata.${field}) && '${wafName}' in object.metadata.${field}`)
              .join(' || '),
          },
        ],
        ...common(namespace, '/inject', caBundle),
      },
    ],
  };
}

/** @param groups whose kinds are judged */
export function validationWebhooks(namespace: string, groups: readonly string[], caBundle: string): KubernetesObject {
  const rules = [{ apiGroups: [...groups], apiVersions: ['*'], resources: ['*'], operations: ['CREATE', 'UPDATE'], scope: '*' }];
  const validator = (name: string, label: Expression) => ({
    name,
    rules,
    objectSelector: { matchExpressions: [label] },
    ...common(namespace, '/validate', caBundle),
  });
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: 'istio-validator-istio-system', labels: { app: 'istiod' } },
    // What another control plane's revision owns is that one's to judge.
    webhooks: [validator('rev.validation.istio.io', is(revisionName, revision)), validator('validation.istio.io', isAbsent(revisionName))],
  };
}
