/** Which pod a command is about: `web-1`, `web-1.shop`, `pod/web-1`, `deployment/web.shop`, `shop/web-1`. */
import { type ApiClient, isStatusError, type KubernetesObject } from '@palisade/kubernetes';

export interface Named {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

const kinds = new Map([
  ['pod', 'Pod'],
  ['pods', 'Pod'],
  ['po', 'Pod'],
  ['deployment', 'Deployment'],
  ['deployments', 'Deployment'],
  ['deploy', 'Deployment'],
  ['statefulset', 'StatefulSet'],
  ['sts', 'StatefulSet'],
  ['daemonset', 'DaemonSet'],
  ['ds', 'DaemonSet'],
  ['service', 'Service'],
  ['services', 'Service'],
  ['svc', 'Service'],
]);

/** @param namespace of names that do not say theirs */
export function parseTarget(text: string, namespace: string): Named {
  const steps = text.split('/');
  const name = steps.at(-1) ?? '';
  if (steps.length > 2 || steps.includes('')) throw notUnderstood(text);
  const kind = steps.length === 2 ? kinds.get(steps[0]!.toLowerCase()) : 'Pod';
  // `shop/web-1`, as the netpol commands write it.
  if (kind === undefined) return { kind: 'Pod', namespace: steps[0]!, name };
  const dot = name.indexOf('.');
  return dot < 0 ? { kind, namespace, name } : { kind, namespace: name.slice(dot + 1), name: name.slice(0, dot) };
}

function notUnderstood(text: string): Error {
  return new Error(`Cannot understand "${text}": expected POD, POD.NAMESPACE, KIND/NAME or NAMESPACE/POD`);
}

async function found(object: Promise<KubernetesObject>, resource: string, namespace: string): Promise<KubernetesObject> {
  return object.catch((error: unknown) => {
    if (!isStatusError(error, 'NotFound')) throw error;
    throw new Error(`${error.message} in namespace ${namespace}: "kubectl get ${resource} -A" lists them; name the namespace with -n`);
  });
}

/**
 * The pods a name stands for, running ones first: itself, those of a workload's or service's selector.
 *
 * @throws Error when there is none
 */
export async function findPods(client: ApiClient, { kind, namespace, name }: Named): Promise<KubernetesObject[]> {
  if (kind === 'Pod')
    return [await found(client.get({ group: '', version: 'v1', resource: 'pods' }, { namespace, name }), 'pods', namespace)];
  const resource =
    kind === 'Service'
      ? { group: '', version: 'v1', resource: 'services' }
      : { group: 'apps', version: 'v1', resource: `${kind.toLowerCase()}s` };
  const owner = await found(client.get(resource, { namespace, name }), resource.resource, namespace);
  const spec = owner['spec'] as { selector?: Record<string, unknown> } | undefined;
  const labels = (kind === 'Service' ? spec?.selector : spec?.selector?.['matchLabels']) as Record<string, string> | undefined;
  if (labels === undefined || Object.keys(labels).length === 0) throw new Error(`${kind} ${namespace}/${name} selects no pod`);
  const labelSelector = Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
  const { items } = await client.list({ group: '', version: 'v1', resource: 'pods' }, { namespace, labelSelector });
  const alive = items.filter((pod) => pod.metadata.deletionTimestamp === undefined);
  if (alive.length === 0) throw new Error(`${kind} ${namespace}/${name} has no pods`);
  const isRunning = (pod: KubernetesObject) => (pod['status'] as { phase?: string } | undefined)?.phase === 'Running';
  return [...alive.filter(isRunning), ...alive.filter((pod) => !isRunning(pod))];
}
