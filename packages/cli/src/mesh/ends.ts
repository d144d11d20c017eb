/** Names of people for what a source knows: pods, workloads, services. */
import type { KubernetesObject } from '@palisade/kubernetes';
import type { MeshService, ServiceEndpoint, ServicePort } from '@palisade/mesh/traffic';
import type { MeshSource } from './source.ts';
import { notFound, parseTarget, podsOfName, workloadNameOf } from './target.ts';

export type SourcePod = KubernetesObject;

/** Whether a service, pod or workload has that name. */
export function isKnown(source: MeshSource, text: string, namespace: string): boolean {
  // `https://a.example`
  if (text.includes('://')) return false;
  const { name } = readDestination(text);
  return serviceNamed(source, name, namespace) !== undefined || podsNamed(source, name, namespace).length > 0;
}

/** @param others further names that would have been understood. @throws Error when nothing has that name */
export function findSourcePods(source: MeshSource, text: string, namespace: string, others: readonly string[] = []): KubernetesObject[] {
  const found = podsNamed(source, text, namespace);
  if (found.length > 0) return found;
  const { namespace: place } = parseTarget(text, namespace);
  throw notFound(text, place, [...others, ...podsIn(source, place).map(workloadNameOf)]);
}

function podsNamed(source: MeshSource, text: string, namespace: string): SourcePod[] {
  const target = parseTarget(text, namespace);
  return podsOfName(podsIn(source, target.namespace), target.name);
}

function podsIn({ pods }: MeshSource, namespace: string): SourcePod[] {
  return pods.filter(({ metadata }) => metadata.namespace === namespace && metadata.deletionTimestamp === undefined);
}

export interface Destination {
  readonly pod: KubernetesObject;
  /** The pod's own port. */
  readonly port: number;
  readonly service?: { readonly service: MeshService; readonly port: ServicePort; readonly subset?: string };
  /** As a request would write it. */
  readonly authority: string;
}

/**
 * `service/details`, `details.shop:9080`, `pod/details-1:9080`: a name that is both means the service, and of that one pod for each
 * workload behind it, since policies may tell them apart.
 *
 * @param port of the service or pod; may be left out where there is one
 */
export function findDestinations(source: MeshSource, text: string, namespace: string, port: number | undefined): Destination[] {
  const { name, port: written } = readDestination(text);
  const wanted = port ?? written;
  const service = serviceNamed(source, name, namespace);
  if (service !== undefined) return behindService(source, service, wanted);
  const { namespace: place } = parseTarget(name, namespace);
  const services = source.snapshot.services.filter((each) => each.namespace === place).map((each) => each.name);
  const [pod] = findSourcePods(source, name, namespace, services);
  if (wanted === undefined) throw new Error(`Cannot ask about "${text}": name a port with --port, or a service`);
  const address = (pod!['status'] as { podIP?: string } | undefined)?.podIP ?? '';
  return [{ pod: pod!, port: wanted, authority: `${address.includes(':') ? `[${address}]` : address}:${wanted}` }];
}

function readDestination(text: string): { readonly name: string; readonly port: number | undefined } {
  const [, name, port] = /^(.*?)(?::(\d+))?$/.exec(text)!;
  return { name: name!.replace(/\.svc(\.cluster\.local)?\.?$/, ''), port: port === undefined ? undefined : Number(port) };
}

/** @throws Error when there is none */
export function findService(
  { snapshot }: MeshSource,
  { namespace, name }: { readonly namespace: string; readonly name: string },
): MeshService {
  const inPlace = snapshot.services.filter((each) => each.namespace === namespace);
  const found = inPlace.find((each) => each.name === name);
  if (found !== undefined) return found;
  const there =
    inPlace.length > 0 ? `there are ${inPlace.map((each) => each.name).join(', ')}` : 'none there; name another namespace with -n';
  throw new Error(`Cannot find service "${name}" with TCP ports in namespace ${namespace}: ${there}`);
}

/** Not where a pod or workload is said: `deploy/details`. */
function serviceNamed({ snapshot }: MeshSource, text: string, namespace: string): MeshService | undefined {
  const target = parseTarget(text, namespace);
  if (text.includes('/') && target.kind !== 'Service') return undefined;
  return snapshot.services.find((each) => each.namespace === target.namespace && each.name === target.name);
}

function behindService(source: MeshSource, service: MeshService, wanted: number | undefined): Destination[] {
  const port = wanted === undefined ? service.ports[0] : service.ports.find((each) => each.port === wanted);
  if (port === undefined || (wanted === undefined && service.ports.length > 1)) {
    const known = service.ports.map((each) => each.port).join(', ');
    const not = wanted === undefined ? '' : `, not ${wanted}`;
    throw new Error(`Service ${service.namespace}/${service.name} has the ports ${known}${not}: name one with --port`);
  }
  const found = destinationsBehind(source, { service, port, subset: '' }, service.endpoints);
  if (found.length === 0) throw new Error(`Service ${service.namespace}/${service.name} has no pod behind port ${port.port}`);
  return found;
}

/** One pod of each workload among these endpoints of a service. */
export function destinationsBehind(
  source: MeshSource,
  place: Required<Destination>['service'],
  endpoints: readonly ServiceEndpoint[],
): Destination[] {
  const { service, port } = place;
  const portOf = new Map(endpoints.filter(({ portName }) => portName === port.name).map((each) => [each.address, each.port]));
  const ownPort = (pod: KubernetesObject) => addressesOf(pod).flatMap((address) => portOf.get(address) ?? [])[0];
  const pods = source.pods.filter((pod) => ownPort(pod) !== undefined);
  const perWorkload = [...new Map(pods.map((pod) => [workloadNameOf(pod), pod])).values()];
  const authority = `${service.name}.${service.namespace}:${port.port}`;
  return perWorkload.map((pod) => ({ pod, port: ownPort(pod)!, service: place, authority }));
}

function addressesOf({ status }: KubernetesObject): string[] {
  return ((status as { podIPs?: { ip: string }[] } | undefined)?.podIPs ?? []).map(({ ip }) => ip);
}

export function nameOf({ metadata }: KubernetesObject): string {
  return `${metadata.namespace}/${metadata.name}`;
}
