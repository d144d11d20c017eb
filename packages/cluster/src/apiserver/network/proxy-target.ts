import { badRequest, type KubernetesObject, notFound, serviceUnavailable } from '@palisade/kubernetes';
import { type Core, readObject } from '../core.ts';

/** Where a `proxy` request goes. */
export interface ProxyTarget {
  readonly scheme: 'http' | 'https';
  readonly host: string;
  readonly port: number;
}

/** `[scheme:]name[:port]`, the form in which both pods and Services are named (apimachinery `SplitSchemeNamePort`). */
function parseTarget(text: string): { scheme: 'http' | 'https'; name: string; port: string } {
  const parts = text.split(':');
  const [first = '', second = '', third = ''] = parts;
  if (parts.length === 1) return { scheme: 'http', name: first, port: '' };
  if (parts.length === 2) return { scheme: 'http', name: first, port: second };
  if (parts.length === 3 && (first === '' || first === 'http' || first === 'https') && second !== '') {
    return { scheme: first === 'https' ? 'https' : 'http', name: second, port: third };
  }
  throw badRequest(`invalid proxy request ${JSON.stringify(text)}: expected [http|https:]name[:port]`);
}

/** @throws StatusError 400 (form), 404 (no such object), 503 (nothing ready behind it) */
export function resolveProxyTarget(core: Core, resource: string, namespace: string, text: string): ProxyTarget {
  const { scheme, name, port } = parseTarget(text);
  const object = readObject(core, resource, namespace, name);
  if (object === undefined) throw notFound({ group: '', resource }, name);
  return { scheme, ...(resource === 'pods' ? podTarget(object, port) : serviceTarget(core, object, port)) };
}

interface NamedPort {
  readonly name?: string;
  readonly port?: number;
  readonly containerPort?: number;
  readonly protocol?: string;
}

/** Without a port the first one a container declares, then 80. */
function podTarget(pod: KubernetesObject, port: string): { host: string; port: number } {
  const host: string | undefined = pod['status']?.podIP;
  if (!host) throw serviceUnavailable(`address not allowed: pod ${pod.metadata.name} has no address yet`);
  const ports = (pod['spec']?.containers ?? []).flatMap((container: { ports?: NamedPort[] }) => container.ports ?? []) as NamedPort[];
  if (port === '') return { host, port: ports[0]?.containerPort ?? 80 };
  const byName = ports.find((one) => one.name === port)?.containerPort;
  return { host, port: byName ?? parsePort(port) };
}

/** One of the ready endpoints. A Service of one port needs no port, other ones are named by number or name. */
function serviceTarget(core: Core, service: KubernetesObject, text: string): { host: string; port: number } {
  const { name, namespace = '' } = service.metadata;
  const ports: NamedPort[] = service['spec']?.ports ?? [];
  const wanted = text === '' && ports.length === 1 ? ports[0] : ports.find((one) => one.name === text || String(one.port) === text);
  const unavailable = () =>
    serviceUnavailable(`no endpoints available for service ${JSON.stringify(text === '' ? name : `${name}:${text}`)}`);
  if (wanted === undefined) throw unavailable();
  for (const { object: slice } of core.store.list('endpointslices.discovery.k8s.io')) {
    if (slice.metadata.namespace !== namespace || slice.metadata.labels?.['kubernetes.io/service-name'] !== name) continue;
    const port = (slice['ports'] as NamedPort[] | undefined)?.find((one) => (one.name ?? '') === (wanted.name ?? ''))?.port;
    const ready = (slice['endpoints'] as { addresses: string[]; conditions?: { ready?: boolean } }[] | undefined)?.filter(
      (one) => one.conditions?.ready !== false,
    );
    const address = ready?.[core.random.integer(ready.length || 1)]?.addresses[0];
    if (address !== undefined && port !== undefined) return { host: address, port };
  }
  throw unavailable();
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw badRequest(`invalid port ${JSON.stringify(text)}: expected 1 to 65535 or a port's name`);
  return port;
}
