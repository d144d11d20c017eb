/** What the control plane writes into the API: the trust anchors in every namespace, and its webhook configurations. */
import { type ApiClient, isStatusError, type KubernetesObject, PatchType } from '@palisade/kubernetes';
import { injectName } from './inject/decide.ts';
import { interceptionName } from './inject/options.ts';
import { wafName } from './inject/waf.ts';
import { revision, revisionName } from './revision.ts';
import { validatedGroups } from './validate.ts';

type Resource = { readonly group: string; readonly version: string; readonly resource: string };
const configMaps: Resource = { group: '', version: 'v1', resource: 'configmaps' };
export const rootCertName = 'istio-ca-root-cert';

export async function publishAnchors(client: ApiClient, namespace: string, bundlePem: string): Promise<void> {
  await ensure(client, configMaps, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { namespace, name: rootCertName, labels: { 'istio.io/config': 'true' } },
    data: { 'root-cert.pem': bundlePem },
  });
}

/** @param configMap as `publishAnchors` wrote it, when it is there */
export function hasAnchors(configMap: KubernetesObject | undefined, bundlePem: string): boolean {
  return (configMap?.['data'] as Readonly<Record<string, string>> | undefined)?.['root-cert.pem'] === bundlePem;
}

export async function publishWebhooks(client: ApiClient, namespace: string, caPem: string): Promise<void> {
  const caBundle = Buffer.from(caPem).toString('base64');
  const common = (path: string) => ({
    admissionReviewVersions: ['v1'],
    sideEffects: 'None',
    failurePolicy: 'Fail',
    timeoutSeconds: 10,
    clientConfig: { service: { namespace, name: 'istiod', path, port: 443 }, caBundle },
  });
  const pods = [{ apiGroups: [''], apiVersions: ['v1'], resources: ['pods'], operations: ['CREATE'], scope: '*' }];
  const isNot = (key: string, ...values: string[]) => ({ key, operator: 'NotIn', values });
  const is = (key: string, ...values: string[]) => ({ key, operator: 'In', values });
  const isAbsent = (key: string) => ({ key, operator: 'DoesNotExist' });
  type Expression = ReturnType<typeof is> | ReturnType<typeof isAbsent>;
  // The control plane's own pods must start without the control plane.
  const elsewhere = isNot('kubernetes.io/metadata.name', namespace);
  const injection = 'istio-injection';
  const injector = (name: string, ofNamespace: readonly Expression[], ofPod: readonly Expression[]) => ({
    name,
    rules: pods,
    namespaceSelector: { matchExpressions: ofNamespace },
    objectSelector: { matchExpressions: ofPod },
    ...common('/inject'),
  });
  const admission = (resource: string): Resource => ({ group: 'admissionregistration.k8s.io', version: 'v1', resource });
  await ensure(client, admission('mutatingwebhookconfigurations'), {
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
        ...common('/inject'),
      },
    ],
  });
  const istioKinds = [
    { apiGroups: [...validatedGroups], apiVersions: ['*'], resources: ['*'], operations: ['CREATE', 'UPDATE'], scope: '*' },
  ];
  const validator = (name: string, label: Expression) => ({
    name,
    rules: istioKinds,
    objectSelector: { matchExpressions: [label] },
    ...common('/validate'),
  });
  await ensure(client, admission('validatingwebhookconfigurations'), {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: 'istio-validator-istio-system', labels: { app: 'istiod' } },
    // What another control plane's revision owns is that one's to judge.
    webhooks: [validator('rev.validation.istio.io', is(revisionName, revision)), validator('validation.istio.io', isAbsent(revisionName))],
  });
}

async function ensure(client: ApiClient, resource: Resource, object: KubernetesObject): Promise<void> {
  try {
    await client.create(resource, object);
  } catch (error) {
    if (!isStatusError(error, 'AlreadyExists')) throw error;
    const { apiVersion: _, kind: __, metadata, ...content } = object;
    const key = { name: metadata.name!, ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }) };
    await client.patch(resource, key, PatchType.merge, content);
  }
}
