/** The inbound listener and the clusters behind it. */
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { anyPack } from '@bufbuild/protobuf/wkt';
import {
  type Cluster,
  ClusterSchema,
  Cluster_DiscoveryType as DiscoveryType,
  Cluster_LbPolicy as LbPolicy,
} from '@palisade/xds/api/envoy/config/cluster/v3/cluster';
import { TrafficDirection } from '@palisade/xds/api/envoy/config/core/v3/base';
import { type Listener, ListenerSchema } from '@palisade/xds/api/envoy/config/listener/v3/listener';
import type { FilterChainSchema, ListenerFilterSchema } from '@palisade/xds/api/envoy/config/listener/v3/listener_components';
import { HttpInspectorSchema } from '@palisade/xds/api/envoy/extensions/filters/listener/http_inspector/v3/http_inspector';
import { OriginalDstSchema } from '@palisade/xds/api/envoy/extensions/filters/listener/original_dst/v3/original_dst';
import { TlsInspectorSchema } from '@palisade/xds/api/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector';
import { planTokens } from '../authn/request-authentication.ts';
import { createMemo, type Memo, withoutMemo } from '../traffic/memo.ts';
import { type ChainPlan, planInboundChains } from './chains.ts';
import { inboundFilters } from './filters.ts';
import { type InboundInput, inboundPort } from './input.ts';
import { inboundTls } from './tls.ts';

export interface InboundResources {
  readonly listener: Listener;
  readonly clusters: readonly Cluster[];
}

type FilterChain = MessageInitShape<typeof FilterChainSchema>;
type ListenerFilter = MessageInitShape<typeof ListenerFilterSchema>;

const blackHole = 'BlackHoleCluster';

export function compileInbound(input: InboundInput): InboundResources {
  const plans = planInboundChains(input);
  const families = ['ipv4', 'ipv6'] as const;
  // Chains have most of what they hold together.
  const { memo } = createMemo();
  const chains = plans.flatMap((plan) =>
    plan.port === undefined
      ? families.map((family) => compileChain(plan, passthroughCluster(family), input, family, memo))
      : [compileChain(plan, portCluster(plan.port), input, undefined, memo)],
  );
  const listener = create(ListenerSchema, {
    name: 'virtualInbound',
    trafficDirection: TrafficDirection.INBOUND,
    address: socketAddress('0.0.0.0'),
    additionalAddresses: [{ address: socketAddress('::') }],
    listenerFilters: listenerFilters(input),
    // Without a limit a client that says nothing would hold a server-first protocol for ever: after it, what is known decides.
    listenerFiltersTimeout: { seconds: 0n },
    continueOnListenerFiltersTimeout: true,
    filterChains: [blackHoleChain(input), ...chains],
    accessLog: input.accessLogs.refused,
  });
  const ports = [...new Set(plans.flatMap((plan) => plan.port ?? []))];
  return {
    listener,
    clusters: [
      ...ports.map((port) => originalDestination(portCluster(port), input.appSource.ipv4, input.appSource.ipv6)),
      ...families.map((family) => originalDestination(passthroughCluster(family), input.appSource[family])),
      create(ClusterSchema, {
        name: blackHole,
        clusterDiscoveryType: { case: 'type', value: DiscoveryType.STATIC },
        connectTimeout: { seconds: 1n },
      }),
    ],
  };
}

const portCluster = (port: number) => `inbound|${port}||`;
const passthroughCluster = (family: 'ipv4' | 'ipv6') =>
  family === 'ipv4' ? 'InboundPassthroughClusterIpv4' : 'InboundPassthroughClusterIpv6';

function compileChain(plan: ChainPlan, cluster: string, input: InboundInput, family: 'ipv4' | 'ipv6' | undefined, memo: Memo): FilterChain {
  const transportProtocol = plan.security === 'plain' ? 'raw_buffer' : 'tls';
  return {
    name: family === 'ipv6' ? `${plan.name}-ipv6` : plan.name,
    filterChainMatch: {
      ...(plan.port === undefined ? {} : { destinationPort: plan.port }),
      ...(family === undefined ? {} : { prefixRanges: [{ addressPrefix: family === 'ipv4' ? '0.0.0.0' : '::', prefixLen: 0 }] }),
      transportProtocol,
      applicationProtocols: [...plan.applicationProtocols],
    },
    ...(plan.security === 'mutual'
      ? { transportSocket: memo(`tls ${plan.codec}`, [], () => inboundTls(input.trustDomains, plan.codec)) }
      : {}),
    filters: inboundFilters(plan, cluster, input, memo),
  };
}

/** A connection to the listener's own port was not intercepted: passing it on would come back here for ever. */
function blackHoleChain(input: InboundInput): FilterChain {
  const plan: ChainPlan = {
    name: 'virtualInbound-blackhole',
    port: inboundPort,
    security: 'plain',
    applicationProtocols: [],
    codec: 'tcp',
  };
  return {
    name: plan.name,
    filterChainMatch: { destinationPort: inboundPort },
    filters: inboundFilters(plan, blackHole, { ...input, authorization: [], tokens: planTokens([]) }, withoutMemo),
  };
}

/** Where TCP is declared, nothing is sniffed, so that a server may speak first. */
function listenerFilters({ ports }: InboundInput): ListenerFilter[] {
  const declaredTcp = ports.filter(({ protocol }) => protocol === 'tcp').map(({ port }) => ({ start: port, end: port + 1 }));
  const atPort = (range: { start: number; end: number }) => ({ rule: { case: 'destinationPortRange' as const, value: range } });
  const disabled =
    declaredTcp.length === 1 ? atPort(declaredTcp[0]!) : { rule: { case: 'orMatch' as const, value: { rules: declaredTcp.map(atPort) } } };
  return [
    {
      name: 'envoy.filters.listener.original_dst',
      configType: { case: 'typedConfig', value: anyPack(OriginalDstSchema, create(OriginalDstSchema)) },
    },
    {
      name: 'envoy.filters.listener.tls_inspector',
      configType: { case: 'typedConfig', value: anyPack(TlsInspectorSchema, create(TlsInspectorSchema)) },
    },
    {
      name: 'envoy.filters.listener.http_inspector',
      configType: { case: 'typedConfig', value: anyPack(HttpInspectorSchema, create(HttpInspectorSchema)) },
      ...(declaredTcp.length === 0 ? {} : { filterDisabled: disabled }),
    },
  ];
}

function socketAddress(address: string) {
  return {
    address: { case: 'socketAddress' as const, value: { address, portSpecifier: { case: 'portValue' as const, value: inboundPort } } },
  };
}

/** To the address and port the client meant, from one that interception exempts. */
function originalDestination(name: string, source: string, other?: string): Cluster {
  const bind = (address: string) => ({ address, portSpecifier: { case: 'portValue' as const, value: 0 } });
  return create(ClusterSchema, {
    name,
    clusterDiscoveryType: { case: 'type', value: DiscoveryType.ORIGINAL_DST },
    lbPolicy: LbPolicy.CLUSTER_PROVIDED,
    connectTimeout: { seconds: 10n },
    upstreamBindConfig: {
      sourceAddress: bind(source),
      ...(other === undefined ? {} : { extraSourceAddresses: [{ address: bind(other) }] }),
    },
  });
}
