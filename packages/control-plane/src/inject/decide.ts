/** Whether a pod gets a proxy: Istio's precedence of label, annotation and namespace. */
import type { KubernetesObject } from '@palisade/kubernetes';

const name = 'sidecar.istio.io/inject';

export type Decision = { readonly isInjected: boolean; readonly because: string };

export function decideInjection(pod: KubernetesObject, namespaceLabels: Readonly<Record<string, string>>): Decision {
  const { labels = {}, annotations = {} } = pod.metadata;
  const spec = (pod['spec'] ?? {}) as { hostNetwork?: boolean; containers?: { name: string }[]; initContainers?: { name: string }[] };
  if (spec.hostNetwork === true) return { isInjected: false, because: 'the pod uses the host’s network' };
  if ([...(spec.containers ?? []), ...(spec.initContainers ?? [])].some((container) => container.name === 'istio-proxy'))
    return { isInjected: false, because: 'the pod has a proxy already' };
  const own = labels[name] ?? annotations[name];
  if (own !== undefined) return { isInjected: own === 'true', because: `${name}=${own}` };
  const isEnabled = namespaceLabels['istio-injection'] === 'enabled';
  return { isInjected: isEnabled, because: isEnabled ? 'istio-injection=enabled' : 'the namespace has no label istio-injection=enabled' };
}
