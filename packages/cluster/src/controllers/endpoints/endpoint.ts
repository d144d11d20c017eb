import { isIPv6 } from 'node:net';
import type { KubernetesObject } from '@palisade/kubernetes';
import { isPodFinished, isPodReady } from '../runtime/pods.ts';

export type AddressType = 'IPv4' | 'IPv6';

export interface EndpointPort {
  name: string;
  port: number;
  protocol: string;
  appProtocol?: string;
}

export interface Endpoint {
  addresses: string[];
  conditions: { ready: boolean; serving: boolean; terminating: boolean };
  hostname?: string;
  nodeName?: string;
  zone?: string;
  targetRef: { kind: 'Pod'; namespace: string; name: string; uid: string };
}

/** Endpoints that listen on the same ports; a named port may mean different numbers in different pods. */
export interface EndpointGroup {
  addressType: AddressType;
  ports: EndpointPort[];
  endpoints: Endpoint[];
}

/** Families in which a Service wants endpoints; an unallocated one follows its first address, else IPv4. */
export function addressTypes(service: KubernetesObject): AddressType[] {
  const families = service['spec'].ipFamilies as AddressType[] | undefined;
  if (families !== undefined && families.length > 0) return families;
  return [isIPv6(service['spec'].clusterIP ?? '') ? 'IPv6' : 'IPv4'];
}

/**
 * The service's endpoints by family and ports. A family without any has no group.
 *
 * @param zoneOf the node's `topology.kubernetes.io/zone`
 */
export function decideEndpoints(
  service: KubernetesObject,
  pods: readonly KubernetesObject[],
  zoneOf: (nodeName: string) => string | undefined = () => undefined,
): EndpointGroup[] {
  const groups = new Map<string, EndpointGroup>();
  for (const addressType of addressTypes(service)) {
    for (const pod of pods) {
      const address = podAddress(pod, addressType);
      if (address === undefined || isPodFinished(pod)) continue;
      const ports = resolvePorts(service, pod);
      // Ports that this pod does not have are left out; none of them left means that it offers nothing of this service.
      if (ports.length === 0 && (service['spec'].ports ?? []).length > 0) continue;
      const key = `${addressType} ${portsKey(ports)}`;
      let group = groups.get(key);
      if (group === undefined) {
        group = { addressType, ports, endpoints: [] };
        groups.set(key, group);
      }
      group.endpoints.push(endpointOf(service, pod, address, zoneOf));
    }
  }
  return [...groups.values()];
}

export function portsKey(ports: readonly EndpointPort[]): string {
  return JSON.stringify(ports.map(({ name, port, protocol, appProtocol }) => [name, port, protocol, appProtocol ?? '']).sort());
}

function podAddress(pod: KubernetesObject, addressType: AddressType): string | undefined {
  const status = pod['status'] ?? {};
  const addresses: string[] = status.podIPs?.map((entry: { ip: string }) => entry.ip) ?? (status.podIP ? [status.podIP] : []);
  return addresses.find((address) => isIPv6(address) === (addressType === 'IPv6'));
}

function endpointOf(
  service: KubernetesObject,
  pod: KubernetesObject,
  address: string,
  zoneOf: (nodeName: string) => string | undefined,
): Endpoint {
  const { namespace = '', name = '', uid = '' } = pod.metadata;
  const { hostname, subdomain, nodeName } = pod['spec'];
  const zone = nodeName ? zoneOf(nodeName) : undefined;
  const serving = isPodReady(pod);
  const terminating = pod.metadata.deletionTimestamp !== undefined;
  const ready = service['spec'].publishNotReadyAddresses === true || (serving && !terminating);
  return {
    addresses: [address],
    conditions: { ready, serving, terminating },
    ...(hostname && subdomain === service.metadata.name && namespace === service.metadata.namespace ? { hostname } : {}),
    ...(nodeName ? { nodeName } : {}),
    ...(zone === undefined ? {} : { zone }),
    targetRef: { kind: 'Pod', namespace, name, uid },
  };
}

function resolvePorts(service: KubernetesObject, pod: KubernetesObject): EndpointPort[] {
  const ports: EndpointPort[] = [];
  for (const servicePort of service['spec'].ports ?? []) {
    const protocol = servicePort.protocol ?? 'TCP';
    const port = targetPort(servicePort.targetPort ?? servicePort.port, protocol, pod);
    if (port === undefined) continue;
    ports.push({
      name: servicePort.name ?? '',
      port,
      protocol,
      ...(servicePort.appProtocol ? { appProtocol: servicePort.appProtocol } : {}),
    });
  }
  return ports;
}

/** A number is itself; a name is looked for among the containers' ports of that protocol, native sidecars included. */
function targetPort(target: number | string, protocol: string, pod: KubernetesObject): number | undefined {
  if (typeof target === 'number') return target === 0 ? undefined : target;
  const sidecars = (pod['spec'].initContainers ?? []).filter(
    (container: { restartPolicy?: string }) => container.restartPolicy === 'Always',
  );
  for (const container of [...(pod['spec'].containers ?? []), ...sidecars]) {
    for (const port of container.ports ?? []) {
      if (port.name === target && (port.protocol ?? 'TCP') === protocol) return port.containerPort;
    }
  }
  return undefined;
}
