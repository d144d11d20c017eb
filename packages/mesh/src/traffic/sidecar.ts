/** One workload's whole configuration, from everything the mesh knows. */
import { appSource } from '../inbound/app-source.ts';
import { compileInbound } from '../inbound/listener.ts';
import { inboundAccessLog, refusedAccessLog } from '../telemetry/access-log.ts';
import { describeService } from '../telemetry/metadata.ts';
import { backedPorts } from './backed-ports.ts';
import { compileLoadAssignment, compileOutboundClusters, compilePassthroughCluster, type OutboundTarget } from './clusters.ts';
import { findDestinationRule } from './destination-rule.ts';
import type { MeshService, MeshSnapshot, Protocol, ProxyConfig, Workload } from './model.ts';
import { compileOutbound } from './outbound.ts';
import { securityOf } from './security.ts';

export function compileSidecar(snapshot: MeshSnapshot, workload: Workload): ProxyConfig {
  const { settings } = snapshot;
  const ports = declaredPorts(snapshot.services, workload);
  const { mtls, tokens, authorization, warnings } = securityOf(snapshot, workload);
  const inbound = compileInbound({
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
  const services = [...snapshot.services].sort(byNearness(workload.namespace));
  const targets = services.flatMap((service) => targetsOf(snapshot, service, workload.namespace));
  const outbound = compileOutbound({
    settings,
    namespace: workload.namespace,
    labels: workload.labels,
    services,
    virtualServices: snapshot.virtualServices,
  });
  return {
    listeners: [inbound.listener, ...outbound.listeners],
    clusters: [compilePassthroughCluster(), ...inbound.clusters, ...targets.flatMap((target) => compileOutboundClusters(target, snapshot))],
    routes: outbound.routes,
    endpoints: targets.map(compileLoadAssignment),
    credentials: [],
    warnings,
  };
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
function byNearness(namespace: string) {
  const rank = (service: MeshService) => `${service.namespace === namespace ? 0 : 1}${service.hostname}`;
  return (a: MeshService, b: MeshService) => (rank(a) < rank(b) ? -1 : rank(a) > rank(b) ? 1 : 0);
}
