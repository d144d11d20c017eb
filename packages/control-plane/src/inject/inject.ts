/** All that the webhook does to a pod. */
import type { KubernetesObject } from '@palisade/kubernetes';
import { decideInjection } from './decide.ts';
import type { InjectionSettings } from './options.ts';
import { injectProxy } from './patch.ts';
import { injectWaf } from './waf.ts';

/** @returns the pod itself when there is nothing to do. @throws Error naming the annotation or label that cannot be followed */
export function injectPod(
  pod: KubernetesObject,
  namespace: { readonly name: string; readonly labels: Readonly<Record<string, string>> },
  settings: InjectionSettings,
): KubernetesObject {
  // The mesh first: the WAF's own probe is none of its business.
  const meshed = decideInjection(pod, namespace).isInjected ? injectProxy(pod, namespace.labels, settings) : pod;
  return injectWaf(meshed, settings.image);
}
