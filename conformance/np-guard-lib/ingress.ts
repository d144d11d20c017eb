import type { KubernetesObject } from '@palisade/kubernetes';
import {
  analyzeConnectivity,
  type ClusterSnapshot,
  type ConnectionSet,
  compilePolicies,
  connectionsOf,
  intersectConnections,
  isNoConnection,
  type PodFact,
  unionConnections,
  workloadName,
} from '@palisade/netpol';

interface Backend {
  readonly namespace: string;
  readonly service: string;
  /** Number or name of the service's port; absent: all of them. */
  readonly port?: number | string;
}

function backendsOf(object: KubernetesObject): Backend[] {
  const namespace = object.metadata.namespace ?? 'default';
  const spec = object['spec'] ?? {};
  if (object.kind === 'Route') {
    const targets = [spec.to, ...(spec.alternateBackends ?? [])].filter((target) => target && (target.kind ?? 'Service') === 'Service');
    const port = spec.port?.targetPort;
    return targets.map((target) => ({ namespace, service: target.name, ...(port !== undefined && { port }) }));
  }
  if (object.kind !== 'Ingress') return [];
  const paths = (spec.rules ?? []).flatMap((rule: { http?: { paths?: unknown[] } }) => rule.http?.paths ?? []);
  return [spec.defaultBackend, ...paths.map((path: { backend?: unknown }) => path.backend)].flatMap((backend) => {
    if (!backend?.service) return [];
    const port = backend.service.port?.number ?? backend.service.port?.name;
    return [{ namespace, service: backend.service.name, ...(port !== undefined && { port }) }];
  });
}

interface ServicePort {
  readonly name?: string;
  readonly port: number;
  readonly targetPort?: number | string;
  readonly protocol?: string;
}

/** The ports of a pod that a backend leads to. */
function targetsOf(backend: Backend, service: KubernetesObject, pod: PodFact): ConnectionSet {
  const ports: readonly ServicePort[] = service['spec']?.ports ?? [];
  // A Route names the target port, an Ingress the service's port.
  const chosen = backend.port === undefined ? ports : ports.filter((p) => [p.port, p.name, p.targetPort].includes(backend.port));
  return connectionsOf(
    chosen.flatMap(({ port, targetPort = port, protocol = 'TCP' }) => {
      if (protocol !== 'TCP') return [];
      if (typeof targetPort === 'number') {
        const isDeclared = pod.ports.length === 0 || pod.ports.some((declared) => declared.port === targetPort);
        return isDeclared ? [{ protocol: 'TCP' as const, from: targetPort, to: targetPort }] : [];
      }
      return pod.ports
        .filter((named) => named.name === targetPort && named.protocol === 'TCP')
        .map((named) => ({ protocol: 'TCP' as const, from: named.port, to: named.port }));
    }),
  );
}

/**
 * np-guard's `{ingress-controller}`: a pod nobody knows, of a namespace nobody knows, that reaches the backends of Ingress and
 * Route objects unless policies stop an arbitrary pod.
 */
export function ingressControllerRows(objects: readonly KubernetesObject[], snapshot: ClusterSnapshot): Map<string, ConnectionSet> {
  const rows = new Map<string, ConnectionSet>();
  const backends = objects.flatMap(backendsOf);
  if (backends.length === 0) return rows;
  const controller: PodFact = { namespace: 'ingress-controller-ns', name: 'ingress-controller', labels: {}, ips: [], ports: [] };
  const compiled = compilePolicies({ ...snapshot, pods: [...snapshot.pods, controller] });
  const connectivity = analyzeConnectivity(compiled, [4]);
  const source = connectivity.peers.findIndex((peer) => peer.kind === 'pods' && peer.pods.some((pod) => pod.fact === controller));
  for (const backend of backends) {
    const services = objects.filter(
      (o) => o.kind === 'Service' && o.metadata.name === backend.service && (o.metadata.namespace ?? 'default') === backend.namespace,
    );
    for (const service of services) {
      const selector: Record<string, string> = service['spec']?.selector ?? {};
      if (Object.keys(selector).length === 0) continue;
      for (const [index, peer] of connectivity.peers.entries()) {
        if (peer.kind !== 'pods') continue;
        for (const { fact } of peer.pods) {
          const isSelected =
            fact.namespace === backend.namespace && Object.entries(selector).every(([key, value]) => fact.labels[key] === value);
          if (!isSelected) continue;
          const able = intersectConnections(connectivity.between(source, index), targetsOf(backend, service, fact));
          if (isNoConnection(able)) continue;
          const name = workloadName(fact);
          rows.set(name, unionConnections(rows.get(name) ?? able, able));
        }
      }
    }
  }
  return rows;
}
