/** All that the webhook does to a pod. */
import type { KubernetesObject } from '@palisade/kubernetes';
import { isMeshNamespace } from '../revision.ts';
import { decideInjection } from './decide.ts';
import { checkInline, findEscapes } from './escapes.ts';
import { interceptionName } from './names.ts';
import type { InjectionSettings } from './options.ts';
import { injectProxy } from './patch.ts';
import { findUnread } from './unread.ts';
import { injectWaf } from './waf.ts';

export interface Injection {
  /** The pod itself when there is nothing to do. */
  readonly pod: KubernetesObject;
  /** For whoever applied it: ways past the proxy that its manifest opens, annotations that nothing follows. */
  readonly warnings: readonly string[];
}

/** @throws Error naming the annotation or label that cannot be followed */
export function injectPod(
  pod: KubernetesObject,
  namespace: { readonly name: string; readonly labels: Readonly<Record<string, string>> },
  settings: InjectionSettings,
): Injection {
  checkInline(pod, namespace, settings.image);
  const { isInjected } = decideInjection(pod, namespace);
  // The WAF first, so that the mesh stands before it and asks its probe.
  const guarded = injectWaf(pod, settings.image);
  const meshed = isInjected ? injectProxy(guarded, namespace.labels, settings) : guarded;
  const isInline = meshed.metadata.annotations?.[interceptionName] === 'inline';
  const isMesh = isMeshNamespace(namespace.labels) || isInjected;
  return {
    pod: injectWaf(meshed, settings.image),
    warnings: [
      ...(isMesh && !isInline ? findEscapes(pod).map((text) => `past the mesh: ${text}`) : []),
      ...(isInjected ? findUnread(pod) : []),
    ],
  };
}
