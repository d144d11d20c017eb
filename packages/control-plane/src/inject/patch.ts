/** The proxy's containers, volumes and labels as a JSON patch (RFC 6902) of a pod. */
import type { KubernetesObject } from '@palisade/kubernetes';

export interface InjectionSettings {
  readonly image: string;
  /** Where the proxy finds us: `istiod.istio-system.svc:15012`. */
  readonly discoveryAddress: string;
  readonly trustDomain: string;
  readonly dataplane: 'palisade' | 'envoy';
}

interface Operation {
  readonly op: 'add';
  readonly path: string;
  readonly value: unknown;
}

/** User and group that interception exempts. */
export const proxyUser = 1337;
const exclusions = {
  'traffic.sidecar.istio.io/excludeInboundPorts': 'EXCLUDE_INBOUND_PORTS',
  'traffic.sidecar.istio.io/excludeOutboundPorts': 'EXCLUDE_OUTBOUND_PORTS',
  'traffic.sidecar.istio.io/excludeOutboundIPRanges': 'EXCLUDE_OUTBOUND_IP_RANGES',
} as const;

export function renderPatch(pod: KubernetesObject, settings: InjectionSettings): Operation[] {
  const { labels, annotations } = pod.metadata;
  const spec = (pod['spec'] ?? {}) as { initContainers?: unknown[]; volumes?: unknown[] };
  const own = annotations?.['palisade.dev/dataplane'];
  const dataplane = own === 'envoy' || own === 'palisade' ? own : settings.dataplane;
  // Before the pod's own init containers: they are part of the mesh too.
  const first = [initContainer(annotations ?? {}, settings), proxyContainer({ ...settings, dataplane })];
  return [
    spec.initContainers === undefined
      ? { op: 'add', path: '/spec/initContainers', value: first }
      : [...first].reverse().map((value): Operation => ({ op: 'add', path: '/spec/initContainers/0', value })),
    spec.volumes === undefined
      ? { op: 'add', path: '/spec/volumes', value: volumes }
      : volumes.map((value): Operation => ({ op: 'add', path: '/spec/volumes/-', value })),
    added('labels', labels, { 'security.istio.io/tlsMode': 'istio' }),
    added('annotations', annotations, {
      'sidecar.istio.io/status': JSON.stringify({
        initContainers: ['istio-init', 'istio-proxy'],
        volumes: volumes.map((each) => each.name),
      }),
    }),
  ].flat() as Operation[];
}

function added(field: 'labels' | 'annotations', existing: unknown, values: Readonly<Record<string, string>>): Operation[] {
  if (existing === undefined || existing === null) return [{ op: 'add', path: `/metadata/${field}`, value: values }];
  return Object.entries(values).map(([key, value]) => ({
    op: 'add',
    path: `/metadata/${field}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`,
    value,
  }));
}

const volumes = [
  {
    name: 'istio-token',
    projected: { sources: [{ serviceAccountToken: { audience: 'istio-ca', expirationSeconds: 43_200, path: 'istio-token' } }] },
  },
  { name: 'istiod-ca-cert', configMap: { name: 'istio-ca-root-cert' } },
];

function initContainer(annotations: Readonly<Record<string, string>>, { image }: InjectionSettings) {
  const env = Object.entries(exclusions).flatMap(([annotation, name]) =>
    annotations[annotation] === undefined ? [] : [{ name, value: annotations[annotation] }],
  );
  return {
    name: 'istio-init',
    image,
    args: ['intercept'],
    env,
    securityContext: { runAsUser: 0, runAsGroup: 0, runAsNonRoot: false, capabilities: { add: ['NET_ADMIN', 'NET_RAW'], drop: ['ALL'] } },
  };
}

/** A native sidecar: it is ready before the application starts, and a Job's end does not wait for it. */
function proxyContainer({ image, discoveryAddress, trustDomain, dataplane }: InjectionSettings) {
  const field = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } });
  const ready = { httpGet: { path: '/healthz/ready', port: 15_021 } };
  return {
    name: 'istio-proxy',
    image,
    args: ['proxy', 'sidecar'],
    restartPolicy: 'Always',
    ports: [{ name: 'http-envoy-prom', containerPort: 15_090, protocol: 'TCP' }],
    env: [
      field('POD_NAME', 'metadata.name'),
      field('POD_NAMESPACE', 'metadata.namespace'),
      field('INSTANCE_IP', 'status.podIP'),
      field('SERVICE_ACCOUNT', 'spec.serviceAccountName'),
      { name: 'CA_ADDR', value: discoveryAddress },
      { name: 'TRUST_DOMAIN', value: trustDomain },
      { name: 'PALISADE_DATAPLANE', value: dataplane },
    ],
    startupProbe: { ...ready, periodSeconds: 1, failureThreshold: 600, timeoutSeconds: 3 },
    readinessProbe: { ...ready, periodSeconds: 15, failureThreshold: 4, timeoutSeconds: 3 },
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
