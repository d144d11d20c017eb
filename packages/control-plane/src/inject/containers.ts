/** The two containers of the mesh in a pod, named as Istio names them. */
import { proxyName } from './decide.ts';
import type { InjectionOptions, InjectionSettings } from './options.ts';
import type { Container } from './pod.ts';
import type { AppProbers } from './probes.ts';

/** User and group that interception exempts. */
const proxyUser = 1337;

export const proxyVolumes = [
  {
    name: 'istio-token',
    projected: { sources: [{ serviceAccountToken: { audience: 'istio-ca', expirationSeconds: 43_200, path: 'istio-token' } }] },
  },
  { name: 'istiod-ca-cert', configMap: { name: 'istio-ca-root-cert' } },
];

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
  const field = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } });
  const ready = { httpGet: { path: '/healthz/ready', port: 15_021 } };
  return {
    name: proxyName,
    image,
    args: ['proxy', 'sidecar'],
    ...(isNative ? { restartPolicy: 'Always' } : {}),
    // The kubelet starts the next container when this hook has ended.
    ...(!isNative && isHolding ? { lifecycle: { postStart: { exec: { command: ['pilot-agent', 'wait'] } } } } : {}),
    ports: [{ name: 'http-envoy-prom', containerPort: 15_090, protocol: 'TCP' }],
    env: [
      // Ours come later and so win.
      ...Object.entries(proxyMetadata).map(([name, value]) => ({ name, value })),
      field('POD_NAME', 'metadata.name'),
      field('POD_NAMESPACE', 'metadata.namespace'),
      field('INSTANCE_IP', 'status.podIP'),
      field('SERVICE_ACCOUNT', 'spec.serviceAccountName'),
      // Who telemetry says this is.
      { name: 'ISTIO_META_WORKLOAD_NAME', value: workload },
      field('CANONICAL_SERVICE', "metadata.labels['service.istio.io/canonical-name']"),
      field('CANONICAL_REVISION', "metadata.labels['service.istio.io/canonical-revision']"),
      { name: 'CA_ADDR', value: discoveryAddress },
      { name: 'TRUST_DOMAIN', value: trustDomain },
      { name: 'PALISADE_DATAPLANE', value: dataplane },
      { name: 'PALISADE_INTERCEPTION', value: interception },
      ...(Object.keys(probers).length === 0 ? [] : [{ name: 'ISTIO_KUBE_APP_PROBERS', value: JSON.stringify(probers) }]),
    ],
    startupProbe: { ...ready, periodSeconds: 1, failureThreshold: 600, timeoutSeconds: 3 },
    readinessProbe: { ...ready, periodSeconds: 15, failureThreshold: 4, timeoutSeconds: 3 },
    ...(Object.keys(resources).length === 0 ? {} : { resources }),
    securityContext: {
      runAsUser: proxyUser,
      runAsGroup: proxyUser,
      runAsNonRoot: true,
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
    },
    volumeMounts: [
      { name: 'istio-token', mountPath: '/var/run/secrets/tokens' },
      { name: 'istiod-ca-cert', mountPath: '/var/run/secrets/istio' },
    ],
  };
}
