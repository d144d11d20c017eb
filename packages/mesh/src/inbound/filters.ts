/** The filters of one inbound chain: authentication and authorization before the router or the TCP proxy. */
import { create } from '@bufbuild/protobuf';
import { anyPack } from '@bufbuild/protobuf/wkt';
import type { AccessLog } from '@palisade/xds/api/envoy/config/accesslog/v3/accesslog';
import { type Filter, FilterSchema } from '@palisade/xds/api/envoy/config/listener/v3/listener_components';
import { RouterSchema } from '@palisade/xds/api/envoy/extensions/filters/http/router/v3/router';
import {
  HttpConnectionManager_CodecType as CodecType,
  HttpConnectionManager_PathWithEscapedSlashesAction as EscapedSlashes,
  HttpConnectionManager_ForwardClientCertDetails as ForwardClientCert,
  type HttpConnectionManager,
  HttpConnectionManagerSchema,
  type HttpFilter,
  HttpFilterSchema,
} from '@palisade/xds/api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager';
import { TcpProxySchema } from '@palisade/xds/api/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy';
import { compileTokens, type TokenRequirement } from '../authn/request-authentication.ts';
import { compileHttpAuthorization, compileTcpAuthorization } from '../authz/compile.ts';
import { compileHttpCustom, compileTcpCustom } from '../authz/compile-custom.ts';
import { type AuthorizationPolicy, AuthzAction } from '../authz/policy.ts';
import type { Memo } from '../traffic/memo.ts';
import type { ChainPlan } from './chains.ts';
import type { InboundInput } from './input.ts';

/**
 * @param cluster where accepted traffic goes; also the statistics prefix
 * @param memo of chains compiled from the same input
 */
export function inboundFilters(plan: ChainPlan, cluster: string, input: InboundInput, memo: Memo): Filter[] {
  return plan.codec === 'http' ? [httpConnectionManager(plan, cluster, input, memo)] : tcpFilters(plan, cluster, input, memo);
}

function accessLogOf(plan: ChainPlan, input: InboundInput, memo: Memo): AccessLog[] {
  const service = serviceOf(plan, input);
  return memo(`log ${plan.codec} ${service}`, [], () => input.accessLogs.chain(plan.codec, service));
}

const serviceOf = (plan: ChainPlan, { ports }: InboundInput) => ports.find(({ port }) => port === plan.port)?.service;

function tokensOf({ port }: ChainPlan, { tokens }: InboundInput): TokenRequirement {
  return (port === undefined ? undefined : tokens.ports.get(port)) ?? tokens.general;
}

/** Bytes that are no HTTP carry no token: where one is compulsory they are refused. */
const refuseBytes: AuthorizationPolicy = {
  namespace: '',
  name: 'token-required',
  action: AuthzAction.deny,
  isDryRun: false,
  rules: [{ from: [], to: [], when: [] }],
};

function tcpFilters(plan: ChainPlan, cluster: string, input: InboundInput, memo: Memo): Filter[] {
  const { trustDomains, providers } = input;
  const { isRequired } = tokensOf(plan, input);
  const authorization = isRequired ? [...input.authorization, refuseBytes] : input.authorization;
  const proxy = create(TcpProxySchema, {
    statPrefix: cluster,
    clusterSpecifier: { case: 'cluster', value: cluster },
    accessLog: accessLogOf(plan, input, memo),
  });
  return [
    ...memo('tcp', [isRequired], () => [
      ...compileTcpCustom(authorization, { trustDomains, providers }),
      ...compileTcpAuthorization(authorization, trustDomains),
    ]),
    create(FilterSchema, {
      name: 'envoy.filters.network.tcp_proxy',
      configType: { case: 'typedConfig', value: anyPack(TcpProxySchema, proxy) },
    }),
  ];
}

/** CUSTOM, then tokens, then AUDIT, DENY and ALLOW: a CUSTOM rule cannot see claims. */
export function httpFilters(
  required: TokenRequirement,
  { authorization, trustDomains, providers, findJwks }: Pick<InboundInput, 'authorization' | 'trustDomains' | 'providers' | 'findJwks'>,
): HttpFilter[] {
  const tokens = compileTokens(required, findJwks);
  const router = anyPack(RouterSchema, create(RouterSchema));
  return [
    ...compileHttpCustom(authorization, { trustDomains, providers }),
    ...(tokens === undefined ? [] : [tokens]),
    ...compileHttpAuthorization(authorization, trustDomains),
    create(HttpFilterSchema, { name: 'envoy.filters.http.router', configType: { case: 'typedConfig', value: router } }),
  ];
}

function httpConnectionManager(plan: ChainPlan, cluster: string, input: InboundInput, memo: Memo): Filter {
  const { pathNormalization: mode } = input;
  const tokens = tokensOf(plan, input);
  const manager: HttpConnectionManager = create(HttpConnectionManagerSchema, {
    codecType: CodecType.AUTO,
    statPrefix: `inbound_0.0.0.0_${plan.port ?? 0}`,
    routeSpecifier: { case: 'routeConfig', value: routeAll(cluster) },
    httpFilters: memo('http', [tokens], () => httpFilters(tokens, input)),
    serverName: 'istio-envoy',
    useRemoteAddress: false,
    // Envoy drops the header of a client that showed no certificate, whatever stands here.
    forwardClientCertDetails: ForwardClientCert.APPEND_FORWARD,
    setCurrentClientCertDetails: { subject: true, dns: true, uri: true },
    upgradeConfigs: [{ upgradeType: 'websocket' }],
    normalizePath: mode !== 'NONE',
    mergeSlashes: mode === 'MERGE_SLASHES' || mode === 'DECODE_AND_MERGE_SLASHES',
    pathWithEscapedSlashesAction: mode === 'DECODE_AND_MERGE_SLASHES' ? EscapedSlashes.UNESCAPE_AND_FORWARD : EscapedSlashes.KEEP_UNCHANGED,
    accessLog: accessLogOf(plan, input, memo),
  });
  return create(FilterSchema, {
    name: 'envoy.filters.network.http_connection_manager',
    configType: { case: 'typedConfig', value: anyPack(HttpConnectionManagerSchema, manager) },
  });
}

/** No time limit here: the client's side holds it. */
function routeAll(cluster: string) {
  return {
    name: cluster,
    validateClusters: false,
    virtualHosts: [
      {
        name: cluster,
        domains: ['*'],
        routes: [
          {
            name: 'default',
            match: { pathSpecifier: { case: 'prefix' as const, value: '/' } },
            action: {
              case: 'route' as const,
              value: { clusterSpecifier: { case: 'cluster' as const, value: cluster }, timeout: { seconds: 0n } },
            },
          },
        ],
      },
    ],
  };
}
