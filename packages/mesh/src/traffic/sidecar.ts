/** One workload's whole configuration, from everything the mesh knows. */
import { appSource } from '../inbound/app-source.ts';
import { compileInbound, type InboundResources } from '../inbound/listener.ts';
import type { WorkloadSecurity } from '../legacy/security.ts';
import { inboundAccessLog, refusedAccessLog } from '../telemetry/access-log.ts';
import { describeService } from '../telemetry/metadata.ts';
import { backedPorts } from './backed-ports.ts';
import { compileLoadAssignment, compileOutboundClusters, compilePassthroughCluster, type OutboundTarget } from './clusters.ts';
import { findDestinationRule } from './destination-rule.ts';
import { type Memo, withoutMemo } from './memo.ts';
import type { MeshService, MeshSnapshot, Protocol, ProxyConfig, Workload } from './model.ts';
import { compileOutbound, type Outbound } from './outbound.ts';
import { backingOf, divided, keysOf, securityOf } from './security.ts';
import type { VirtualService } from './virtual-service/model.ts';
import { heardIn } from './virtual-service/select.ts';

export function compileSidecar(snapshot: MeshSnapshot, workload: Workload, memo: Memo = withoutMemo): ProxyConfig {
  const { namespace, labels, serviceAccount, interception } = workload;
  // All that is read of a workload: replicas have one configuration together.
  const kind = `${namespace} ${JSON.stringify([labels, serviceAccount, interception])} ${backingOf(snapshot, workload)}`;
  const security = securityOf(snapshot, workload, memo);
  const inbound = memo(`inbound ${kind}`, [snapshot.settings, snapshot.providers, security, ...keysOf(security, snapshot)], () =>
    compileInboundOf(snapshot, workload, security),
  );
  const outbound = compileOutboundOf(snapshot, workload, memo);
  const clusters = compileTargets(snapshot, namespace, memo);
  return memo(`sidecar ${kind}`, [inbound, outbound, clusters], () => ({
    listeners: [inbound.listener, ...outbound.listeners],
    clusters: [passthroughCluster, ...inbound.clusters, ...clusters.clusters],
    routes: outbound.routes,
    endpoints: clusters.endpoints,
    credentials: [],
    warnings: security.warnings,
  }));
}

const passthroughCluster = compilePassthroughCluster();

function compileInboundOf(snapshot: MeshSnapshot, workload: Workload, { mtls, tokens, authorization }: WorkloadSecurity): InboundResources {
  const { settings } = snapshot;
  const ports = declaredPorts(snapshot.services, workload);
  return compileInbound({
    ports: [...ports].map(([port, { protocol, service }]) => ({ port, protocol: protocol === 'http2' ? 'http' : protocol, service })),
    mtls,
    tokens,
    authorization,
    findJwks: snapshot.findJwks,
    providers: snapshot.providers,
    trustDomains: settings.trustDomains,
    pathNormalization: settings.pathNormalization,
    accessLogs: { chain: inboundAccessLog, refused: refusedAccessLog() },
    appSource: appSource[workload.interception],
  });
}

/** The same for every client of a namespace, unless a route asks for the client's labels. Endpoints have no part in it. */
function compileOutboundOf(snapshot: MeshSnapshot, { namespace, labels }: Workload, memo: Memo): Outbound {
  const { settings } = snapshot;
  const virtualServices = heardIn(snapshot.virtualServices, namespace, settings.rootNamespace);
  const services = nearestFirst(snapshot, namespace, memo);
  const shapes = memo(`shapes ${namespace}`, [services], () => services.map((service) => shapeOf(service, memo)).join('\n'));
  const own = virtualServices.some(asksForLabels) ? JSON.stringify(labels) : '';
  return memo(`outbound ${namespace} ${own}`, [settings, shapes, ...virtualServices], () =>
    compileOutbound({ settings, namespace, labels, services, virtualServices }),
  );
}

/** A service without its endpoints. */
function shapeOf(service: MeshService, memo: Memo): string {
  const { endpoints: _, ...shape } = service;
  return memo(`shape ${service.hostname}`, [service], () => JSON.stringify(shape));
}

function asksForLabels({ http, tcp }: VirtualService): boolean {
  return [...http, ...tcp].some(({ matches }) => matches.some(({ sourceLabels }) => Object.keys(sourceLabels).length > 0));
}

function compileTargets(snapshot: MeshSnapshot, namespace: string, memo: Memo) {
  const services = nearestFirst(snapshot, namespace, memo);
  const transport = transportInputs(snapshot);
  const compiled = memo(`targets ${namespace}`, [services, ...divided(snapshot.destinationRules, transport)], () =>
    services
      .flatMap((service) => targetsOf(snapshot, service, namespace))
      .map((target) => {
        const { service, port, rule, subset } = target;
        const key = `target ${service.hostname} ${port.port} ${subset} ${rule === undefined ? '' : `${rule.namespace}/${rule.name}`}`;
        return memo(key, [service, rule, ...transport], () => ({
          clusters: compileOutboundClusters(target, snapshot),
          endpoints: compileLoadAssignment(target),
        }));
      }),
  );
  // A rule for somebody else makes the list anew, of the same parts.
  return memo(`clusters ${namespace}`, compiled, () => ({
    clusters: compiled.flatMap(({ clusters }) => clusters),
    endpoints: compiled.map(({ endpoints }) => endpoints),
  }));
}

/** What decides how clients speak to a service, besides its endpoints and its rule: modes of workloads are not among it. */
export function transportInputs({ settings, peerAuthentications, legacy }: MeshSnapshot): unknown[] {
  const general = peerAuthentications.filter(({ selector }) => Object.keys(selector ?? {}).length === 0);
  return [settings, ...divided(general, legacy.authentication)];
}

/** Workload ports behind the services that have this workload as an endpoint. Two services that disagree make the port `auto`. */
function declaredPorts(services: readonly MeshService[], workload: Workload): Map<number, { protocol: Protocol; service: string }> {
  const ports = new Map<number, { protocol: Protocol; service: string }>();
  for (const { service, port, targetPort } of backedPorts(services, workload)) {
    const known = ports.get(targetPort);
    ports.set(targetPort, {
      protocol: known === undefined || known.protocol === port.protocol ? port.protocol : 'auto',
      // Telemetry names the first service of a port.
      service: known?.service ?? describeService(service),
    });
  }
  return new Map([...ports].sort(([a], [b]) => a - b));
}

function targetsOf(snapshot: MeshSnapshot, service: MeshService, client: string): OutboundTarget[] {
  const places = { client, service: service.namespace, root: snapshot.settings.rootNamespace };
  const rule = findDestinationRule(snapshot.destinationRules, service.hostname, places);
  const subsets = ['', ...(rule?.subsets ?? []).map(({ name }) => name)];
  return service.ports.flatMap((port) => subsets.map((subset) => ({ service, port, rule, subset })));
}

/** The client's own namespace first, then by name: the order decides who gets a domain that two claim, and keeps output stable. */
function nearestFirst({ services }: MeshSnapshot, namespace: string, memo: Memo): readonly MeshService[] {
  const rank = (service: MeshService) => `${service.namespace === namespace ? 0 : 1}${service.hostname}`;
  return memo(`services ${namespace}`, [services], () =>
    [...services].sort((a, b) => (rank(a) < rank(b) ? -1 : rank(a) > rank(b) ? 1 : 0)),
  );
}
