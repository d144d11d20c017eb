/** `envoy.config.cluster.v3.Cluster`, compiled. Hosts keep their pools when endpoints change around them. */
import { isIP } from 'node:net';
import {
  type Cluster as ClusterConfig,
  ClusterSchema,
  Cluster_DiscoveryType as Discovery,
  Cluster_LbSubsetConfig_LbSubsetFallbackPolicy as Fallback,
  Cluster_LbPolicy as LbPolicy,
} from '@palisade/xds/api/envoy/config/cluster/v3/cluster';
import type { TransportSocket } from '@palisade/xds/api/envoy/config/core/v3/base';
import type { ClusterLoadAssignment } from '@palisade/xds/api/envoy/config/endpoint/v3/endpoint';
import { UpstreamTlsContextSchema } from '@palisade/xds/api/envoy/extensions/transport_sockets/tls/v3/tls';
import { HttpProtocolOptionsSchema } from '@palisade/xds/api/envoy/extensions/upstreams/http/v3/http_protocol_options';
import type { Cells } from '../cells.ts';
import { milliseconds } from '../config/duration.ts';
import { refuseUnread, unpack, unpackAs } from '../config/registry.ts';
import type { ConnectionFacts } from '../facts.ts';
import { place as textOf } from '../net/address.ts';
import { ProxyError, unsupported } from '../proxy-error.ts';
import type { Counter, Stats } from '../stats/stats.ts';
import type { Sweeper } from '../sweeper.ts';
import { compileTls } from '../tls/context.ts';
import type { SecretContent } from '../tls/secret.ts';
import { type Balancer, leastRequest, randomly, roundRobin } from './balance.ts';
import { contains, readEndpoints, type TransportChoice } from './endpoints.ts';
import { Host } from './host.ts';
import type { HostPlace, UpstreamTls } from './place.ts';
import type { Dialling } from './upstream-connection.ts';

export interface ClusterEdges {
  readonly secrets: Cells<SecretContent>;
  readonly random: () => number;
  readonly stats: Stats;
  readonly sweeper: Sweeper;
}

const read = [
  'name',
  'alt_stat_name',
  'type',
  'eds_cluster_config',
  'connect_timeout',
  'lb_policy',
  'load_assignment',
  'transport_socket',
  'transport_socket_matches',
  'lb_subset_config',
  'least_request_lb_config',
  'round_robin_lb_config',
  'original_dst_lb_config',
  'metadata',
  'typed_extension_protocol_options',
  'http_protocol_options',
  'common_http_protocol_options',
  'circuit_breakers',
  'outlier_detection',
  'common_lb_config',
  'dns_lookup_family',
  'dns_refresh_rate',
  'respect_dns_ttl',
  'per_connection_buffer_limit_bytes',
  'upstream_connection_options',
  'max_requests_per_connection',
  'filters',
  'upstream_bind_config',
  'wait_for_warm_on_init',
  'cleanup_interval',
  'protocol_selection',
  'track_cluster_stats',
];

/** Envoy's (`core.v3.HttpProtocolOptions.idle_timeout`). */
const defaultIdleMs = 3_600_000;

export class Cluster implements Dialling {
  readonly name: string;
  readonly config: ClusterConfig;
  readonly connectTimeoutMs: number;
  readonly idleMs: number;
  readonly sweeper: Sweeper;
  /** The name to ask endpoints for; undefined when they stand in the cluster. */
  readonly endpointsName: string | undefined;
  readonly counters: Readonly<Record<'requests' | 'connections' | 'connectFailures' | 'timeouts' | 'retries' | 'active', Counter>>;
  readonly #byDestination: boolean;
  /** Istio marks traffic to the application by its source address (127.0.0.6). */
  readonly #sources: readonly string[];
  readonly #balance: Balancer;
  readonly #choices: readonly TransportChoice[];
  readonly #defaultTls: UpstreamTls | undefined;
  #hosts: Host[] = [];
  #healthy: Host[] = [];
  #subsets = new Map<string, Host[]>();

  constructor(config: ClusterConfig, edges: ClusterEdges) {
    const where = `cluster "${config.name}"`;
    refuseUnread(ClusterSchema, config, read, where);
    this.name = config.name;
    this.config = config;
    this.connectTimeoutMs = milliseconds(config.connectTimeout, 5000);
    this.idleMs = idleTimeout(config, where);
    this.sweeper = edges.sweeper;
    const type = config.clusterDiscoveryType.case === 'type' ? config.clusterDiscoveryType.value : Discovery.STATIC;
    if (config.clusterDiscoveryType.case === 'clusterType')
      throw unsupported(where, `cluster type "${config.clusterDiscoveryType.value.name}"`);
    this.#byDestination = type === Discovery.ORIGINAL_DST;
    this.endpointsName = type === Discovery.EDS ? config.edsClusterConfig?.serviceName || config.name : undefined;
    const bind = config.upstreamBindConfig;
    this.#sources = [bind?.sourceAddress, ...(bind?.extraSourceAddresses ?? []).map((extra) => extra.address)].flatMap((source) =>
      source !== undefined && isIP(source.address) !== 0 ? [source.address] : [],
    );
    this.#balance = balancer(config, edges.random, where);
    this.#defaultTls = upstreamTls(config.transportSocket, edges, where);
    this.#choices = config.transportSocketMatches.map((one) => ({
      match: one.match,
      tls: upstreamTls(one.transportSocket, edges, `${where}, transport_socket_matches "${one.name}"`),
    }));
    const stat = `cluster.${(config.altStatName || config.name).replaceAll(':', '_')}`;
    this.counters = {
      requests: edges.stats.counter(`${stat}.upstream_rq_total`),
      connections: edges.stats.counter(`${stat}.upstream_cx_total`),
      connectFailures: edges.stats.counter(`${stat}.upstream_cx_connect_fail`),
      timeouts: edges.stats.counter(`${stat}.upstream_rq_timeout`),
      retries: edges.stats.counter(`${stat}.upstream_rq_retry`),
      active: edges.stats.gauge(`${stat}.upstream_rq_active`),
    };
    if (config.loadAssignment !== undefined) this.setEndpoints(config.loadAssignment);
  }

  get hosts(): readonly Host[] {
    return this.#hosts;
  }

  /** Hosts that stay keep their connections, unless their transport changed. */
  setEndpoints(assignment: ClusterLoadAssignment): void {
    const places = readEndpoints(assignment, this.#choices, this.#defaultTls);
    const before = new Map(this.#hosts.map((host) => [host.text, host]));
    this.#hosts = places.map((place) => {
      const host = before.get(textOf(place.address, place.port));
      if (host === undefined || host.place.tls !== place.tls) return new Host(place);
      before.delete(host.text);
      host.place = place;
      return host;
    });
    for (const host of before.values()) host.retire();
    this.#healthy = this.#hosts.filter((host) => host.place.isHealthy && host.place.weight > 0);
    this.#subsets = new Map();
  }

  /** The families must agree. */
  sourceFor(address: string): string | undefined {
    return this.#sources.find((source) => isIP(source) === isIP(address));
  }

  /** @param wanted labels the route asks for (`metadata_match`, `envoy.lb`) */
  pick(wanted: Readonly<Record<string, unknown>> | undefined, connection: ConnectionFacts): Host | undefined {
    if (this.#byDestination) return this.#hostAt(connection);
    return this.#balance(wanted === undefined ? this.#healthy : this.#subset(wanted));
  }

  #subset(wanted: Readonly<Record<string, unknown>>): readonly Host[] {
    const key = JSON.stringify(wanted);
    let hosts = this.#subsets.get(key);
    if (hosts === undefined) {
      hosts = this.#healthy.filter((host) => contains(host.place.labels, wanted));
      const fallback = this.config.lbSubsetConfig?.fallbackPolicy;
      if (hosts.length === 0 && (this.config.lbSubsetConfig === undefined || fallback === Fallback.ANY_ENDPOINT)) hosts = this.#healthy;
      this.#subsets.set(key, hosts);
    }
    return hosts;
  }

  #hostAt({ destination, destinationPort }: ConnectionFacts): Host {
    const port =
      this.config.lbConfig.case === 'originalDstLbConfig'
        ? (this.config.lbConfig.value.upstreamPortOverride ?? destinationPort)
        : destinationPort;
    let host = this.#hosts.find(({ place }) => place.port === port && place.address === destination.text);
    if (host === undefined) {
      const place: HostPlace = {
        address: destination.text,
        port,
        weight: 1,
        isHealthy: true,
        labels: {},
        metadata: {},
        tls: this.#defaultTls,
      };
      host = new Host(place);
      // Destinations come from clients: what is not in use makes room.
      if (this.#hosts.length >= 1024) this.#hosts = this.#hosts.filter((one) => one.active > 0 || one.idle.length > 0);
      this.#hosts.push(host);
    }
    return host;
  }

  /** Replaced or removed: idle connections end now, busy ones when they come back. */
  retire(): void {
    for (const host of this.#hosts) host.retire();
  }
}

function idleTimeout({ typedExtensionProtocolOptions, commonHttpProtocolOptions }: ClusterConfig, where: string): number {
  const name = HttpProtocolOptionsSchema.typeName;
  const options = typedExtensionProtocolOptions[name];
  const common =
    options === undefined
      ? commonHttpProtocolOptions
      : unpackAs(options, HttpProtocolOptionsSchema, `${where}, ${name}`).commonHttpProtocolOptions;
  // 0: never.
  return milliseconds(common?.idleTimeout, defaultIdleMs) || Number.POSITIVE_INFINITY;
}

function balancer(config: ClusterConfig, random: () => number, where: string): Balancer {
  switch (config.lbPolicy) {
    case LbPolicy.ROUND_ROBIN:
    case LbPolicy.CLUSTER_PROVIDED:
      return roundRobin();
    case LbPolicy.LEAST_REQUEST:
      return leastRequest((config.lbConfig.case === 'leastRequestLbConfig' ? config.lbConfig.value.choiceCount : undefined) ?? 2, random);
    case LbPolicy.RANDOM:
      return randomly(random);
    default:
      throw unsupported(where, `lb_policy ${LbPolicy[config.lbPolicy]}`);
  }
}

function upstreamTls(socket: TransportSocket | undefined, edges: ClusterEdges, where: string): UpstreamTls | undefined {
  if (socket === undefined) return undefined;
  const message = unpack(socket.configType.value, `${where}, transport_socket`);
  if (message.$typeName === 'envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer') return undefined;
  if (message.$typeName !== UpstreamTlsContextSchema.typeName) throw unsupported(where, `transport socket "${message.$typeName}"`);
  const context = message as import('@palisade/xds/api/envoy/extensions/transport_sockets/tls/v3/tls').UpstreamTlsContext;
  refuseUnread(UpstreamTlsContextSchema, context, ['common_tls_context', 'sni', 'allow_renegotiation', 'max_session_keys'], where);
  if (context.commonTlsContext === undefined) throw new ProxyError('bad-config', `${where}: common_tls_context is missing`);
  return { setup: compileTls(context.commonTlsContext, edges.secrets, where), serverName: context.sni };
}
