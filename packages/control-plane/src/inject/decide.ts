/** Whether a pod gets a proxy: as Istio's webhooks with their selectors decide together. */
import type { KubernetesObject } from '@palisade/kubernetes';
import { revision, revisionName } from '../revision.ts';

export const injectName = 'sidecar.istio.io/inject';
export const proxyName = 'istio-proxy';
/** Pods there are the cluster's own. */
const ignoredNamespaces = ['kube-system', 'kube-public', 'kube-node-lease'];

export type Decision = { readonly isInjected: boolean; readonly because: string };

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
  const no = (because: string): Decision => ({ isInjected: false, because });
  if (spec.hostNetwork === true) return no('the pod uses the host’s network');
  if (ignoredNamespaces.includes(namespace.name)) return no(`namespace ${namespace.name} is the cluster’s own`);
  if ([...(spec.containers ?? []), ...(spec.initContainers ?? [])].some((container) => container.name === proxyName))
    return no('the pod has a proxy already');
  const wish = namespace.labels['istio-injection'];
  if (wish !== undefined && wish !== 'enabled') return no(`istio-injection=${wish}`);
  const chosen = namespace.labels[revisionName] ?? labels[revisionName];
  if (wish === undefined && chosen !== undefined && chosen !== revision) return no(`${revisionName}=${chosen} is another control plane’s`);
  const label = labels[injectName];
  if (label !== undefined) return { isInjected: label === 'true', because: `label ${injectName}=${label}` };
  if (wish === undefined && chosen === undefined) return no('the namespace has no label istio-injection=enabled');
  const annotation = annotations[injectName];
  if (annotation !== undefined && annotation !== '')
    return { isInjected: annotation === 'true', because: `annotation ${injectName}=${annotation}` };
  return { isInjected: true, because: wish === undefined ? `${revisionName}=${revision}` : 'istio-injection=enabled' };
}
