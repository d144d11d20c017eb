import { isStatusError } from '@palisade/kubernetes';
import { objectKey } from '@palisade/kubernetes/client';
import { type Controller, type ControllerContext, createController } from '../runtime/context.ts';
import { Resource } from '../runtime/resources.ts';

const ROOT_CA = 'kube-root-ca.crt';
const ROOT_CA_DESCRIPTION =
  'Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.';

/** Gives every living namespace its ServiceAccount `default` and the ConfigMap `kube-root-ca.crt` that pods mount. */
export function createServiceAccountController(ctx: ControllerContext, options: { caCertificatePem: string }): Controller {
  const { client } = ctx;
  const namespaces = ctx.informer(Resource.namespaces);
  const accounts = ctx.informer(Resource.serviceAccounts);
  const configMaps = ctx.informer(Resource.configMaps);
  const controller = createController(ctx, 'serviceaccount', sync);
  const { queue } = controller;

  namespaces.onChange((_type, namespace) => queue.add(objectKey(namespace)));
  accounts.onChange((type, account) => {
    if (type === 'DELETED' && account.metadata.name === 'default') queue.add(String(account.metadata.namespace));
  });
  configMaps.onChange((type, configMap) => {
    if (type !== 'ADDED' && configMap.metadata.name === ROOT_CA) queue.add(String(configMap.metadata.namespace));
  });

  async function sync(name: string): Promise<void> {
    const namespace = namespaces.get(name);
    if (namespace === undefined || namespace.metadata.deletionTimestamp !== undefined || namespace['status']?.phase === 'Terminating')
      return;
    if (accounts.get(`${name}/default`) === undefined) {
      await ignoreExisting(
        client.create(Resource.serviceAccounts, {
          apiVersion: 'v1',
          kind: 'ServiceAccount',
          metadata: { name: 'default', namespace: name },
        }),
      );
    }
    const present = configMaps.get(`${name}/${ROOT_CA}`);
    if (present === undefined) {
      const metadata = { name: ROOT_CA, namespace: name, annotations: { 'kubernetes.io/description': ROOT_CA_DESCRIPTION } };
      await ignoreExisting(
        client.create(Resource.configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { 'ca.crt': options.caCertificatePem } }),
      );
    } else if (present['data']?.['ca.crt'] !== options.caCertificatePem) {
      await client.update(Resource.configMaps, { ...present, data: { 'ca.crt': options.caCertificatePem } });
    }
  }

  return controller;
}

async function ignoreExisting(write: Promise<unknown>): Promise<void> {
  try {
    await write;
  } catch (error) {
    if (!isStatusError(error, 'AlreadyExists')) throw error;
  }
}
