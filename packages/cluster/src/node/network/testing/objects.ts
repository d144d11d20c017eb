import type { KubernetesObject } from '@palisade/kubernetes';

/** For tests only: wire objects with the fields the network reads. */
export function service(name: string, spec: Record<string, unknown>, namespace = 'default'): KubernetesObject {
  return { apiVersion: 'v1', kind: 'Service', metadata: { namespace, name }, spec: { type: 'ClusterIP', ...spec } };
}

export interface TestEndpoint {
  ip: string;
  node?: string;
  hostname?: string;
  pod?: string;
  conditions?: Record<string, boolean>;
}

export function slice(
  serviceName: string,
  addressType: 'IPv4' | 'IPv6',
  ports: readonly { name: string; port: number; protocol: string }[],
  endpoints: readonly TestEndpoint[],
  namespace = 'default',
): KubernetesObject {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { namespace, name: `${serviceName}-${addressType.toLowerCase()}`, labels: { 'kubernetes.io/service-name': serviceName } },
    addressType,
    ports,
    endpoints: endpoints.map(({ ip, node, hostname, pod, conditions }) => ({
      addresses: [ip],
      conditions: conditions ?? { ready: true, serving: true, terminating: false },
      ...(node === undefined ? {} : { nodeName: node }),
      ...(hostname === undefined ? {} : { hostname }),
      ...(pod === undefined ? {} : { targetRef: { kind: 'Pod', namespace, name: pod } }),
    })),
  };
}

export function pod(
  name: string,
  options: {
    namespace?: string;
    uid?: string;
    labels?: Record<string, string>;
    spec?: Record<string, unknown>;
    podIPs?: readonly string[];
  } = {},
): KubernetesObject {
  const { namespace = 'default', uid = `uid-${namespace}-${name}`, labels = {}, spec = {}, podIPs } = options;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace, name, uid, labels },
    spec,
    ...(podIPs === undefined ? {} : { status: { phase: 'Running', podIP: podIPs[0], podIPs: podIPs.map((ip) => ({ ip })) } }),
  };
}
