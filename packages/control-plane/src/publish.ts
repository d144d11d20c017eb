/** What the control plane writes into the API: the trust anchors in every namespace, and its webhook configurations. */
import { type ApiClient, isStatusError, type KubernetesObject, PatchType } from '@palisade/kubernetes';
import { interceptionName } from './inject/options.ts';
import { wafName } from './inject/waf.ts';
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
  const inject = 'sidecar.istio.io/inject';
  const isNot = (key: string, ...values: string[]) => ({ key, operator: 'NotIn', values });
  const is = (key: string, ...values: string[]) => ({ key, operator: 'In', values });
  const admission = (resource: string): Resource => ({ group: 'admissionregistration.k8s.io', version: 'v1', resource });
  await ensure(client, admission('mutatingwebhookconfigurations'), {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: 'istio-sidecar-injector', labels: { app: 'sidecar-injector' } },
    webhooks: [
      {
        name: 'namespace.sidecar-injector.istio.io',
        rules: pods,
        namespaceSelector: { matchExpressions: [is('istio-injection', 'enabled')] },
        objectSelector: { matchExpressions: [isNot(inject, 'false')] },
        ...common('/inject'),
      },
      {
        name: 'object.sidecar-injector.istio.io',
        rules: pods,
        // The control plane's own pods must start without the control plane.
        namespaceSelector: {
          matchExpressions: [{ key: 'istio-injection', operator: 'DoesNotExist' }, isNot('kubernetes.io/metadata.name', namespace)],
        },
        objectSelector: { matchExpressions: [is(inject, 'true')] },
        ...common('/inject'),
      },
      {
        // There no label takes a pod out.
        name: 'inline.sidecar-injector.palisade.dev',
        rules: pods,
        namespaceSelector: { matchExpressions: [is('istio-injection', 'enabled'), is(interceptionName, 'inline')] },
        objectSelector: { matchExpressions: [is(inject, 'false')] },
        ...common('/inject'),
      },
      {
        name: 'waf.sidecar-injector.palisade.dev',
        rules: pods,
        namespaceSelector: { matchExpressions: [isNot('kubernetes.io/metadata.name', namespace)] },
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
  await ensure(client, admission('validatingwebhookconfigurations'), {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: 'istio-validator-istio-system', labels: { app: 'istiod' } },
    webhooks: [
      {
        name: 'rev.validation.istio.io',
        rules: [
          {
            apiGroups: [...validatedGroups],
            apiVersions: ['*'],
            resources: ['*'],
            operations: ['CREATE', 'UPDATE'],
            scope: '*',
          },
        ],
        ...common('/validate'),
      },
    ],
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
