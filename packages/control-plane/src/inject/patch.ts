/** A pod with the mesh in it, and the JSON patch (RFC 6902) that leads there. */
import type { KubernetesObject } from '@palisade/kubernetes';
import { canonicalService, tlsModeLabel, workloadName } from '@palisade/mesh/traffic';
import { revision, revisionName } from '../revision.ts';
import { initContainer, proxyContainer } from './containers.ts';
import { interceptionName } from './names.ts';
import { type InjectionSettings, readOptions } from './options.ts';
import type { PodSpec } from './pod.ts';
import { rewriteProbes } from './probes.ts';
import { proxyVolumes } from './proxy-parts.ts';

/** @throws Error naming the annotation or label whose value cannot be taken */
export function injectProxy(
  pod: KubernetesObject,
  namespaceLabels: Readonly<Record<string, string>>,
  settings: InjectionSettings,
): KubernetesObject {
  const options = readOptions(pod, namespaceLabels, settings);
  const given = pod['spec'] as PodSpec;
  const { spec, probers } = options.rewritesProbes ? rewriteProbes(given, options.isNative) : { spec: given, probers: {} };
  // Inline, the node makes the interception with the pod's network; there is nothing to do in the pod.
  const inits = options.interception === 'redirect' ? [initContainer(options.capture, settings.image)] : [];
  const proxy = proxyContainer(settings, options, probers, workloadName(pod));
  const own = spec.initContainers ?? [];
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      labels: { ...pod.metadata.labels, ...meshLabels(pod) },
      annotations: {
        ...defaultContainer(given),
        ...pod.metadata.annotations,
        [interceptionName]: options.interception,
        [revisionName]: revision,
        'sidecar.istio.io/status': JSON.stringify({
          initContainers: [...inits, ...(options.isNative ? [proxy] : [])].map(({ name }) => name),
          containers: options.isNative ? [] : [proxy.name],
          volumes: proxyVolumes.map(({ name }) => name),
          revision,
        }),
      },
    },
    spec: {
      ...spec,
      // A native sidecar stands before the pod's own init containers: they are part of the mesh too. A classic one does not run yet then,
      // so interception comes last.
      initContainers: options.isNative ? [...inits, proxy, ...own] : [...own, ...inits],
      // First only where the application waits for it: containers start in this order.
      containers: options.isNative ? spec.containers : options.isHolding ? [proxy, ...spec.containers] : [...spec.containers, proxy],
      volumes: [...(spec.volumes ?? []), ...proxyVolumes],
    },
  };
}

/** A pod that says of itself that it takes no mTLS is believed: its clients speak plain text to it. */
function meshLabels(pod: KubernetesObject): Record<string, string> {
  const { name, revision } = canonicalService(pod);
  return {
    ...(name === '' ? {} : { 'service.istio.io/canonical-name': name }),
    'service.istio.io/canonical-revision': revision,
    [tlsModeLabel]: pod.metadata.labels?.[tlsModeLabel] || 'istio',
  };
}

/** `kubectl exec` and `kubectl logs` without a container's name mean the application, even where the proxy comes first. */
function defaultContainer({ containers }: PodSpec): Record<string, string> {
  const [first] = containers;
  return first === undefined
    ? {}
    : { 'kubectl.kubernetes.io/default-container': first.name, 'kubectl.kubernetes.io/default-logs-container': first.name };
}

export interface Operation {
  readonly op: 'add';
  readonly path: string;
  readonly value: unknown;
}

/** `add` replaces what is there (RFC 6902 §4.1). Nothing but these three ever differs. */
export function renderPatch(before: KubernetesObject, after: KubernetesObject): Operation[] {
  if (before === after) return [];
  return [
    { op: 'add', path: '/metadata/labels', value: after.metadata.labels ?? {} },
    { op: 'add', path: '/metadata/annotations', value: after.metadata.annotations ?? {} },
    { op: 'add', path: '/spec', value: after['spec'] },
  ];
}
