/** Whether a pod gets a proxy: as Istio's webhooks with their selectors decide together. */
import type { KubernetesObject } from '@palisade/kubernetes';
import { revision, revisionName } from '../revision.ts';
import { injectName } from './names.ts';

export const proxyName = 'istio-proxy';
/** Pods there are the cluster's own. */
const ignoredNamespaces = ['kube-system', 'kube-public', 'kube-node-lease'];

export interface Decision {
  readonly isInjected: boolean;
  readonly because: string;
  /** What would give the pod its proxy, where labels are all that is in the way. */
  readonly remedy?: string;
}

/**
 * A namespace's `istio-injection` other than `enabled` closes the door; where there is none, the revision that the namespace names decides,
 * then the pod's. The pod's label comes before its annotation, which counts only where the namespace or a revision is asked for (no webhook
 * can select by it). Any other word than `true` means no.
 */
export function decideInjection(
  pod: KubernetesObject,
  namespace: { readonly name: string; readonly labels: Readonly<Record<string, string>> },
): Decision {
  const { labels = {}, annotations = {} } = pod.metadata;
  const spec = (pod['spec'] ?? {}) as { hostNetwork?: boolean; containers?: { name: string }[]; initContainers?: { name: string }[] };
  const no = (because: string, remedy?: string): Decision => ({ isInjected: false, because, ...(remedy === undefined ? {} : { remedy }) });
  const relabel = (...changes: string[]) => `kubectl label namespace ${namespace.name} ${changes.join(' ')}`;
  if (spec.hostNetwork === true) return no('the pod uses the host’s network');
  if (ignoredNamespaces.includes(namespace.name)) return no(`namespace ${namespace.name} is the cluster’s own`);
  if ([...(spec.containers ?? []), ...(spec.initContainers ?? [])].some((container) => container.name === proxyName))
    return no('the pod has a proxy already');
  const wish = namespace.labels['istio-injection'];
  if (wish !== undefined && wish !== 'enabled') return no(`istio-injection=${wish}`, relabel('istio-injection=enabled', '--overwrite'));
  const chosen = namespace.labels[revisionName] ?? labels[revisionName];
  if (wish === undefined && chosen !== undefined && chosen !== revision) {
    const isOfNamespace = namespace.labels[revisionName] !== undefined;
    const remedy = isOfNamespace
      ? relabel(`${revisionName}-`, 'istio-injection=enabled')
      : `take the label ${revisionName} off the pod’s template`;
    return no(`${revisionName}=${chosen} is another control plane’s: this one is ${revision}`, remedy);
  }
  const label = labels[injectName];
  const own = (what: string, value: string): Decision =>
    value === 'true'
      ? { isInjected: true, because: `${what}=${value}` }
      : no(`${what}=${value}`, `take the ${what} off the pod’s template`);
  if (label !== undefined) return own(`label ${injectName}`, label);
  if (wish === undefined && chosen === undefined)
    return no('the namespace has no label istio-injection=enabled', relabel('istio-injection=enabled'));
  const annotation = annotations[injectName];
  if (annotation !== undefined && annotation !== '') return own(`annotation ${injectName}`, annotation);
  return { isInjected: true, because: wish === undefined ? `${revisionName}=${revision}` : 'istio-injection=enabled' };
}
