/** Puts the mesh into the cluster: its kinds, then its control plane and gateway. What stands already is left as it is. */
import { type ApiClient, isStatusError, type KubernetesObject } from '@palisade/kubernetes';
import { meshDefinitions } from './definitions.ts';
import { meshObjects } from './objects.ts';

const groups: Readonly<Record<string, string>> = {
  Namespace: 'namespaces',
  ServiceAccount: 'serviceaccounts',
  ClusterRole: 'clusterroles',
  ClusterRoleBinding: 'clusterrolebindings',
  Role: 'roles',
  RoleBinding: 'rolebindings',
  ConfigMap: 'configmaps',
  Deployment: 'deployments',
  Service: 'services',
  CustomResourceDefinition: 'customresourcedefinitions',
  MutatingWebhookConfiguration: 'mutatingwebhookconfigurations',
};

export async function ensureMeshKinds(client: ApiClient): Promise<void> {
  await Promise.all(meshDefinitions().map((definition) => createMissing(client, definition)));
}

export async function ensureMesh(client: ApiClient, dataplane: 'palisade' | 'envoy'): Promise<void> {
  const [namespace, ...objects] = meshObjects(dataplane);
  await createMissing(client, namespace!);
  await Promise.all(objects.map((object) => createMissing(client, object)));
}

async function createMissing(client: ApiClient, object: KubernetesObject): Promise<void> {
  const [group, version] = object.apiVersion!.includes('/')
    ? (object.apiVersion!.split('/') as [string, string])
    : ['', object.apiVersion!];
  const resource = { group, version, resource: groups[object.kind!]! };
  const { namespace, name } = object.metadata;
  try {
    await client.get(resource, { name: name!, ...(namespace === undefined ? {} : { namespace }) });
    return;
  } catch (error) {
    if (!isStatusError(error, 'NotFound')) throw error;
  }
  await client.create(resource, object);
}
