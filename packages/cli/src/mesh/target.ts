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

/** What `palisade describe KIND` and `KIND/NAME` take. */
export function isKind(word: string): boolean {
  return kinds.has(word.toLowerCase());
}

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

/** @param names of what would have been found there */
export function notFound(text: string, namespace: string, names: readonly string[]): Error {
  const known = [...new Set(names)];
  const there =
    known.length > 0 ? `there are ${known.slice(0, 8).join(', ')}` : 'no pods there; name another with -n, or as NAME.NAMESPACE';
  return new Error(`Cannot find "${text}" in namespace ${namespace}: ${there}`);
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

/** `details-v1` of pod `details-v1-5d9c7bb4c-x2x4q`; of a pod without an owner its own name. */
export function workloadNameOf(pod: KubernetesObject): string {
  const owner = pod.metadata.ownerReferences?.[0];
  if (owner === undefined) return pod.metadata.name ?? '';
  return owner.kind === 'ReplicaSet' ? owner.name.replace(/-[a-z0-9]+$/, '') : owner.name;
}

/** The pod of that name; without one those of a workload of that name, or with that label `app`. */
export function podsOfName(pods: readonly KubernetesObject[], name: string): KubernetesObject[] {
  const exact = pods.filter(({ metadata }) => metadata.name === name);
  return exact.length > 0 ? exact : pods.filter((pod) => workloadNameOf(pod) === name || pod.metadata.labels?.['app'] === name);
}

/**
 * The pods a name stands for, running ones first: itself, those of a workload's or service's selector.
 *
 * @throws Error when there is none
 */
export async function findPods(client: ApiClient, { kind, namespace, name }: Named): Promise<KubernetesObject[]> {
  if (kind === 'Pod') {
    const { items } = await client.list({ group: '', version: 'v1', resource: 'pods' }, { namespace });
    const alive = runningFirst(items);
    const named = podsOfName(alive, name);
    if (named.length > 0) return named;
    throw notFound(name, namespace, alive.map(workloadNameOf));
  }
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
  const alive = runningFirst(items);
  if (alive.length === 0) throw new Error(`${kind} ${namespace}/${name} has no pods`);
  return alive;
}

/** Without those that are being deleted. */
function runningFirst(pods: readonly KubernetesObject[]): KubernetesObject[] {
  const alive = pods.filter((pod) => pod.metadata.deletionTimestamp === undefined);
  const isRunning = (pod: KubernetesObject) => (pod['status'] as { phase?: string } | undefined)?.phase === 'Running';
  return [...alive.filter(isRunning), ...alive.filter((pod) => !isRunning(pod))];
}
