/** One workload's whole configuration, from everything the mesh knows. */
import type { Cluster } from '@palisade/xds/api/envoy/config/cluster/v3/cluster';
import type { ClusterLoadAssignment } from '@palisade/xds/api/envoy/config/endpoint/v3/endpoint';
import type { Listener } from '@palisade/xds/api/envoy/config/listener/v3/listener';
import type { RouteConfiguration } from '@palisade/xds/api/envoy/config/route/v3/route';
import { mergePeerAuthentication } from '../authn/peer-authentication.ts';
import { selectRequestAuthentications } from '../authn/request-authentication.ts';
import { selectAuthorizationPolicies } from '../authz/select.ts';
import { compileInbound } from '../inbound/listener.ts';
import { compileLoadAssignment, compileOutboundClusters, compilePassthroughCluster, type OutboundTarget } from './clusters.ts';
import { findDestinationRule } from './destination-rule.ts';
import { accessLog, appSource } from './filters.ts';
import type { MeshService, MeshSnapshot, Protocol, Workload } from './model.ts';
import { compileOutbound } from './outbound.ts';

export interface ProxyConfig {
  readonly listeners: readonly Listener[];
  readonly clusters: readonly Cluster[];
  readonly routes: readonly RouteConfiguration[];
  readonly endpoints: readonly ClusterLoadAssignment[];
}

export function compileSidecar(snapshot: MeshSnapshot, workload: Workload): ProxyConfig {
  const { settings } = snapshot;
  const ports = declaredPorts(snapshot.services, workload);
  const inbound = compileInbound({
    ports: [...ports].map(([port, protocol]) => ({ port, protocol: protocol === 'http2' ? 'http' : protocol })),
    mtls: mergePeerAuthentication(snapshot.peerAuthentications, workload, settings.rootNamespace),
    authorization: selectAuthorizationPolicies(snapshot.authorizationPolicies, workload, settings.rootNamespace),
    requestAuthentication: selectRequestAuthentications(snapshot.requestAuthentications, workload, settings.rootNamespace),
    findJwks: snapshot.findJwks,
    providers: snapshot.providers,
    trustDomains: settings.trustDomains,
    pathNormalization: settings.pathNormalization,
    accessLog,
    appSource,
  });
  const services = [...snapshot.services].sort(byNearness(workload.namespace));
  const targets = services.flatMap((service) => targetsOf(snapshot, service, workload.namespace));
  const outbound = compileOutbound({ settings, namespace: workload.namespace, services });
  return {
    listeners: [inbound.listener, ...outbound.listeners],
    clusters: [compilePassthroughCluster(), ...inbound.clusters, ...targets.flatMap((target) => compileOutboundClusters(target, snapshot))],
    routes: outbound.routes,
    endpoints: targets.map(compileLoadAssignment),
  };
}

/** Workload ports behind the services that have this workload as an endpoint. Two services that disagree make the port `auto`. */
function declaredPorts(services: readonly MeshService[], workload: Workload): Map<number, Protocol> {
  const ports = new Map<number, Protocol>();
  for (const service of services) {
    if (service.namespace !== workload.namespace) continue;
    for (const endpoint of service.endpoints) {
      if (!workload.addresses.includes(endpoint.address)) continue;
      const protocol = service.ports.find(({ name }) => name === endpoint.portName)?.protocol;
      if (protocol === undefined) continue;
      const known = ports.get(endpoint.port);
      ports.set(endpoint.port, known === undefined || known === protocol ? protocol : 'auto');
    }
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
