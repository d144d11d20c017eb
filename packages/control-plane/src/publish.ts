/** What the control plane writes into the API: the trust anchors in every namespace, and its webhook configurations. */
import { type ApiClient, isStatusError, type KubernetesObject, PatchType } from '@palisade/kubernetes';
import { validatedGroups } from './validate.ts';
import { injectionWebhooks, validationWebhooks } from './webhook-configurations.ts';

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
  const admission = (resource: string): Resource => ({ group: 'admissionregistration.k8s.io', version: 'v1', resource });
  await ensure(client, admission('mutatingwebhookconfigurations'), injectionWebhooks(namespace, caBundle));
  await ensure(client, admission('validatingwebhookconfigurations'), validationWebhooks(namespace, validatedGroups, caBundle));
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
