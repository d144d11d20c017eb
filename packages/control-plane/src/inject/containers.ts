/** The two containers of the mesh in a pod, named as Istio names them. */
import { proxyName } from './decide.ts';
import type { InjectionOptions, InjectionSettings } from './options.ts';
import type { Container } from './pod.ts';
import type { AppProbers } from './probes.ts';
import { fieldVariable, metricsPort, proxyMounts, proxyReady, proxySecurity, proxyVariables } from './proxy-parts.ts';

/** Redirects the pod's traffic, then ends. */
export function initContainer(variables: Readonly<Record<string, string>>, image: string, name = 'istio-init'): Container {
  return {
    name,
    image,
    args: ['intercept'],
    env: Object.entries(variables).map(([variable, value]) => ({ name: variable, value })),
    securityContext: { runAsUser: 0, runAsGroup: 0, runAsNonRoot: false, capabilities: { add: ['NET_ADMIN', 'NET_RAW'], drop: ['ALL'] } },
  };
}

/** A native sidecar is ready before the application starts, and a Job's end does not wait for it. */
export function proxyContainer(
  { image, discoveryAddress, trustDomain }: InjectionSettings,
  { dataplane, interception, isNative, isHolding, proxyMetadata, resources }: InjectionOptions,
  probers: AppProbers,
  workload: string,
): Container {
  return {
    name: proxyName,
    image,
    args: ['proxy', 'sidecar'],
    ...(isNative ? { restartPolicy: 'Always' } : {}),
    // The kubelet starts the next container when this hook has ended.
    ...(!isNative && isHolding ? { lifecycle: { postStart: { exec: { command: ['pilot-agent', 'wait'] } } } } : {}),
    ports: [metricsPort],
    env: [
      // Ours come later and so win.
      ...Object.entries(proxyMetadata).map(([name, value]) => ({ name, value })),
      ...proxyVariables,
      // Who telemetry says this is.
      { name: 'ISTIO_META_WORKLOAD_NAME', value: workload },
      fieldVariable('CANONICAL_SERVICE', "metadata.labels['service.istio.io/canonical-name']"),
      fieldVariable('CANONICAL_REVISION', "metadata.labels['service.istio.io/canonical-revision']"),
      { name: 'CA_ADDR', value: discoveryAddress },
      { name: 'TRUST_DOMAIN', value: trustDomain },
      { name: 'PALISADE_DATAPLANE', value: dataplane },
      { name: 'PALISADE_INTERCEPTION', value: interception },
      ...(Object.keys(probers).length === 0 ? [] : [{ name: 'ISTIO_KUBE_APP_PROBERS', value: JSON.stringify(probers) }]),
    ],
    startupProbe: { ...proxyReady, periodSeconds: 1, failureThreshold: 600, timeoutSeconds: 3 },
    readinessProbe: { ...proxyReady, periodSeconds: 15, failureThreshold: 4, timeoutSeconds: 3 },
    ...(Object.keys(resources).length === 0 ? {} : { resources }),
    securityContext: proxySecurity,
    volumeMounts: proxyMounts,
  };
}
