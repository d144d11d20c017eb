/** Services, EndpointSlices and Pods as the mesh's services and workloads. */
import type { KubernetesObject } from '@palisade/kubernetes';
import { describeWorkload } from '../telemetry/metadata.ts';
import type { MeshService, ServiceEndpoint, ServicePort, Workload } from './model.ts';
import { protocolOf } from './protocol.ts';

/** Set at injection; endpoints without it get plain text from auto-mTLS. */
export const tlsModeLabel = 'security.istio.io/tlsMode';

interface WirePort {
  readonly name?: string;
  readonly port: number;
  readonly protocol?: string;
  readonly appProtocol?: string;
}

interface WireEndpoint {
  readonly addresses: readonly string[];
  readonly conditions?: { readonly ready?: boolean };
  readonly targetRef?: { readonly kind?: string; readonly name?: string; readonly namespace?: string };
}

/** @returns undefined for services without TCP ports and those of type ExternalName */
export function readService(
  service: KubernetesObject,
  slices: readonly KubernetesObject[],
  podOf: (namespace: string, name: string) => KubernetesObject | undefined,
  clusterDomain: string,
): MeshService | undefined {
  const { name = '', namespace = 'default' } = service.metadata;
  const spec = service['spec'] as { type?: string; clusterIP?: string; clusterIPs?: string[]; ports?: WirePort[] } | undefined;
  if (spec?.type === 'ExternalName') return undefined;
  const ports = (spec?.ports ?? []).flatMap((port): ServicePort[] => {
    const protocol = protocolOf(port);
    return protocol === undefined ? [] : [{ name: port.name ?? '', port: port.port, protocol }];
  });
  if (ports.length === 0) return undefined;
  const addresses = (spec?.clusterIPs ?? [spec?.clusterIP ?? '']).filter((address) => address !== '' && address !== 'None');
  const endpoints = slices.flatMap((slice) => readSlice(slice, namespace, podOf));
  return { name, namespace, hostname: `${name}.${namespace}.svc.${clusterDomain}`, addresses, ports, endpoints };
}

function readSlice(
  slice: KubernetesObject,
  namespace: string,
  podOf: (namespace: string, name: string) => KubernetesObject | undefined,
): ServiceEndpoint[] {
  const ports = ((slice['ports'] ?? []) as WirePort[]).filter((port) => (port.protocol ?? 'TCP') === 'TCP');
  return ((slice['endpoints'] ?? []) as WireEndpoint[]).flatMap((endpoint) => {
    const { kind, name } = endpoint.targetRef ?? {};
    const pod = kind === 'Pod' && name !== undefined ? podOf(namespace, name) : undefined;
    const labels = pod?.metadata.labels ?? {};
    return endpoint.addresses.flatMap((address) =>
      ports.map((port) => ({
        address,
        portName: port.name ?? '',
        port: port.port,
        isReady: endpoint.conditions?.ready !== false,
        namespace,
        labels,
        ...(pod === undefined ? {} : { serviceAccount: serviceAccountOf(pod), workload: describeWorkload(pod) }),
        acceptsMtls: labels[tlsModeLabel] === 'istio',
      })),
    );
  });
}

export function readWorkload(pod: KubernetesObject): Workload {
  const { name = '', namespace = 'default', labels = {}, annotations = {} } = pod.metadata;
  const interception = annotations['palisade.dev/interception'] === 'inline' ? 'inline' : 'redirect';
  const status = pod['status'] as { podIP?: string; podIPs?: { ip: string }[] } | undefined;
  const addresses = status?.podIPs?.map(({ ip }) => ip) ?? (status?.podIP === undefined ? [] : [status.podIP]);
  return { namespace, name, labels, addresses, serviceAccount: serviceAccountOf(pod), isGateway: isGateway(pod), interception };
}

/** Its proxy was started as one (`proxy router`), whatever labels say. */
function isGateway(pod: KubernetesObject): boolean {
  const containers = (pod['spec'] as { containers?: { name: string; args?: string[] }[] } | undefined)?.containers ?? [];
  return containers.some(({ name, args }) => name === 'istio-proxy' && args?.[1] === 'router');
}

function serviceAccountOf(pod: KubernetesObject): string {
  return (pod['spec'] as { serviceAccountName?: string } | undefined)?.serviceAccountName ?? 'default';
}
