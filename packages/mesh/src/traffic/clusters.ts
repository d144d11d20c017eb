/** Clusters: one for each port of each service and subset, the workload's own ports, and the two that let pass or swallow. */
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  type Cluster,
  ClusterSchema,
  Cluster_DiscoveryType as Discovery,
  Cluster_LbPolicy as LbPolicy,
} from '@palisade/xds/api/envoy/config/cluster/v3/cluster';
import { HealthStatus } from '@palisade/xds/api/envoy/config/core/v3/health_check';
import { type ClusterLoadAssignment, ClusterLoadAssignmentSchema } from '@palisade/xds/api/envoy/config/endpoint/v3/endpoint';
import { HttpProtocolOptionsSchema } from '@palisade/xds/api/envoy/extensions/upstreams/http/v3/http_protocol_options';
import { selects } from '../authz/select.ts';
import { describeConfig, describeService, metadataFilter } from '../telemetry/metadata.ts';
import { overAds, pack, socketAddress } from './any.ts';
import { decideClientTransport, type OutboundTarget } from './client-transport.ts';
import { policyForPort } from './destination-rule.ts';
import type { MeshService, MeshSnapshot, ServiceEndpoint, ServicePort } from './model.ts';
import { meshClientTls, originatedTls, plainText } from './tls.ts';

export type { OutboundTarget } from './client-transport.ts';

type ClusterInit = Exclude<MessageInitShape<typeof ClusterSchema>, Cluster>;
type Transport = Pick<ClusterInit, 'transportSocket' | 'transportSocketMatches'>;

export function outboundClusterName(hostname: string, port: number, subset = ''): string {
  return `outbound|${port}|${subset}|${hostname}`;
}

/** Istio's spelling in the SNI: names with `|` are no host names. */
function sniOf(service: MeshService, port: ServicePort, subset: string): string {
  return `outbound_.${port.port}_.${subset}_.${service.hostname}`;
}

/** Where the connections of a port of protocol `auto` go that turned out not to be HTTP: the ALPN tells the server which it is. */
export function bytesClusterName(name: string): string {
  return `${name}~tcp`;
}

export function compileOutboundClusters(target: OutboundTarget, snapshot: MeshSnapshot): Cluster[] {
  const { protocol } = target.port;
  if (protocol === 'auto') return [compileCluster(target, snapshot, 'http', false), compileCluster(target, snapshot, 'tcp', true)];
  return [compileCluster(target, snapshot, protocol === 'tcp' ? 'tcp' : 'http', false)];
}

function compileCluster(target: OutboundTarget, snapshot: MeshSnapshot, codec: 'http' | 'tcp', isTwin: boolean): Cluster {
  const { service, port, rule, subset } = target;
  const { loadBalancer } = policyForPort(rule, port.port, subset);
  const name = outboundClusterName(service.hostname, port.port, subset);
  const isHeadless = service.addresses.length === 0;
  const identities = identitiesBehind(target, snapshot);
  const meshTls = (names: readonly string[], sni = sniOf(service, port, subset)) => meshClientTls(sni, names, codec === 'http');
  const transport = (): Transport => {
    const decided = decideClientTransport(target, endpointsOf(target), snapshot);
    switch (decided.kind) {
      case 'plain':
        return {};
      case 'mesh': {
        const named = decided.tls?.subjectAltNames ?? [];
        return { transportSocket: meshTls(named.length > 0 ? named : identities, decided.tls?.sni) };
      }
      case 'originated':
        return { transportSocket: originatedTls(decided.tls, service.hostname) };
      case 'by-endpoint':
        return {
          transportSocketMatches: [
            { name: 'tlsMode-istio', match: { tlsMode: 'istio' }, transportSocket: meshTls(identities) },
            { name: 'tlsMode-disabled', match: {}, transportSocket: plainText() },
          ],
        };
      default:
        return decided satisfies never;
    }
  };
  return create(ClusterSchema, {
    name: isTwin ? bytesClusterName(name) : name,
    connectTimeout: { seconds: 10n },
    metadata: {
      filterMetadata: {
        [metadataFilter]: {
          service: describeService(service),
          ...(rule === undefined ? {} : { config: describeConfig('destination-rule', rule) }),
        },
      },
    },
    lbPolicy: LbPolicy[loadBalancer ?? 'LEAST_REQUEST'],
    ...(isHeadless && codec === 'tcp'
      ? { clusterDiscoveryType: { case: 'type', value: Discovery.ORIGINAL_DST }, lbPolicy: LbPolicy.CLUSTER_PROVIDED }
      : {
          clusterDiscoveryType: { case: 'type', value: Discovery.EDS },
          edsClusterConfig: {
            serviceName: name,
            edsConfig: overAds,
          },
        }),
    ...(codec === 'http' ? httpOptions(port.protocol) : {}),
    ...transport(),
  });
}

/**
 * Below the 5 s that a server's proxy drains connections (`--drain-time-s`): after a change of policy it would close what is idle then,
 * perhaps as the next request comes. Who asks closes first.
 */
const idleTimeout = { seconds: 4n };

/** HTTP/2 to the end when the client began so. */
function httpOptions(protocol: ServicePort['protocol']): Pick<ClusterInit, 'typedExtensionProtocolOptions'> {
  const options = pack(HttpProtocolOptionsSchema, {
    commonHttpProtocolOptions: { idleTimeout },
    upstreamProtocolOptions:
      protocol === 'http2'
        ? { case: 'useDownstreamProtocolConfig', value: { httpProtocolOptions: {}, http2ProtocolOptions: {} } }
        : { case: 'explicitHttpConfig', value: { protocolConfig: { case: 'httpProtocolOptions', value: {} } } },
  });
  return { typedExtensionProtocolOptions: { 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': options } };
}

/** Secure naming: the service accounts behind the destination, in every name of the trust domain. */
function identitiesBehind(target: OutboundTarget, { settings }: MeshSnapshot): string[] {
  const domains = [settings.trustDomains.local, ...settings.trustDomains.aliases];
  const accounts = new Set(
    endpointsOf(target).flatMap(({ serviceAccount, namespace }) =>
      serviceAccount === undefined ? [] : [`/ns/${namespace}/sa/${serviceAccount}`],
    ),
  );
  return [...accounts].sort().flatMap((account) => domains.map((domain) => `spiffe://${domain}${account}`));
}

/** Of the target's port and subset. */
export function endpointsOf({ service, port, rule, subset }: OutboundTarget): ServiceEndpoint[] {
  const labels = rule?.subsets.find(({ name }) => name === subset)?.labels;
  return service.endpoints.filter((endpoint) => endpoint.portName === port.name && selects(labels, endpoint.labels));
}

export function compileLoadAssignment(target: OutboundTarget): ClusterLoadAssignment {
  const ready = endpointsOf(target).filter(({ isReady }) => isReady);
  const ordered = ready.sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : a.port - b.port));
  return create(ClusterLoadAssignmentSchema, {
    clusterName: outboundClusterName(target.service.hostname, target.port.port, target.subset),
    endpoints:
      ordered.length === 0
        ? []
        : [
            {
              loadBalancingWeight: ordered.length,
              lbEndpoints: ordered.map((endpoint) => ({
                hostIdentifier: { case: 'endpoint' as const, value: { address: socketAddress(endpoint.address, endpoint.port) } },
                healthStatus: HealthStatus.HEALTHY,
                loadBalancingWeight: 1,
                metadata: { filterMetadata: endpointMetadata(endpoint) },
              })),
            },
          ],
  });
}

function endpointMetadata({ acceptsMtls, workload }: ServiceEndpoint): Record<string, Record<string, string>> {
  return {
    ...(acceptsMtls ? { 'envoy.transport_socket_match': { tlsMode: 'istio' } } : {}),
    ...(workload === undefined ? {} : { [metadataFilter]: { workload } }),
  };
}

export function compilePassthroughCluster(): Cluster {
  return create(ClusterSchema, {
    name: 'PassthroughCluster',
    connectTimeout: { seconds: 10n },
    clusterDiscoveryType: { case: 'type', value: Discovery.ORIGINAL_DST },
    lbPolicy: LbPolicy.CLUSTER_PROVIDED,
  });
}
