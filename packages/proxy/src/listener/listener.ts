/** `envoy.config.listener.v3.Listener`, compiled. */
import { type Listener as ListenerConfig, ListenerSchema } from '@palisade/xds/api/envoy/config/listener/v3/listener';
import { readAddress } from '../cluster/endpoints.ts';
import { milliseconds } from '../config/duration.ts';
import { refuseUnread, unpack } from '../config/registry.ts';
import { compileAccessLogs } from '../log/access-log.ts';
import type { AccessLogger } from '../log/subject.ts';
import { unsupported } from '../proxy-error.ts';
import type { Runtime } from '../runtime.ts';
import { type Chain, compileChain } from './filter-chain.ts';
import { type ChainFacts, chooseChain } from './match-chain.ts';

export interface CompiledListener {
  readonly name: string;
  readonly config: ListenerConfig;
  readonly addresses: readonly { readonly address: string; readonly port: number }[];
  readonly bindsToPort: boolean;
  /** Hands redirected connections to the listener of their destination, if there is one. */
  readonly usesOriginalDst: boolean;
  readonly chains: readonly Chain[];
  readonly fallback: Chain | undefined;
  readonly inspectsTls: boolean;
  readonly inspectsHttp: boolean;
  readonly restoresDestination: boolean;
  readonly inspectionMs: number;
  readonly continuesOnTimeout: boolean;
  /** Told of connections that no chain served. */
  readonly loggers: readonly AccessLogger[];
}

const read = [
  'name',
  'address',
  'additional_addresses',
  'stat_prefix',
  'filter_chains',
  'default_filter_chain',
  'use_original_dst',
  'listener_filters',
  'listener_filters_timeout',
  'continue_on_listener_filters_timeout',
  'bind_to_port',
  'traffic_direction',
  'per_connection_buffer_limit_bytes',
  'metadata',
  'transparent',
  'connection_balance_config',
  'enable_reuse_port',
  'reuse_port',
  'drain_type',
  'tcp_backlog_size',
  'max_connections_to_accept_per_socket_event',
  'deprecated_v1',
  'ignore_global_conn_limit',
  'bypass_overload_manager',
  'access_log',
];
const inspectionMs = 15_000;

export function compileListener(config: ListenerConfig, runtime: Runtime): CompiledListener {
  const where = `listener "${config.name}"`;
  refuseUnread(ListenerSchema, config, read, where);
  if (config.transparent) throw unsupported(where, 'transparent');
  const filters = config.listenerFilters.map(
    (filter) => unpack(filter.configType.value as never, `${where}, listener filter "${filter.name}"`).$typeName,
  );
  const has = (name: string) => filters.includes(`envoy.extensions.filters.listener.${name}`);
  return {
    name: config.name,
    config,
    addresses: [readAddress(config.address, where), ...config.additionalAddresses.map((extra) => readAddress(extra.address, where))],
    bindsToPort: config.bindToPort !== false && config.deprecatedV1?.bindToPort !== false,
    usesOriginalDst: config.useOriginalDst === true,
    chains: config.filterChains.map((chain) => compileChain(chain, runtime, where)),
    fallback: config.defaultFilterChain && compileChain(config.defaultFilterChain, runtime, where),
    inspectsTls: has('tls_inspector.v3.TlsInspector'),
    inspectsHttp: has('http_inspector.v3.HttpInspector'),
    restoresDestination: config.useOriginalDst === true || has('original_dst.v3.OriginalDst'),
    inspectionMs: milliseconds(config.listenerFiltersTimeout, inspectionMs),
    continuesOnTimeout: config.continueOnListenerFiltersTimeout,
    loggers: compileAccessLogs(config.accessLog, runtime.logs, where),
  };
}

/** A connection that is being served. */
export interface OpenConnection {
  /** The listener changed under it. */
  recheck(): void;
}

export interface ListenerPlace {
  readonly open: Set<OpenConnection>;
  /** The listener as configured now; undefined: removed. */
  current(): CompiledListener | undefined;
  /** The listener that stands for a destination, for those that hand over. */
  handOver(address: string, port: number): ListenerPlace | undefined;
}

export function selectChain(listener: CompiledListener, facts: ChainFacts): Chain | undefined {
  const index = chooseChain(
    listener.chains.map((chain) => chain.matcher),
    facts,
  );
  return listener.chains[index] ?? listener.fallback;
}
