/** `HttpConnectionManager`, compiled. */
import {
  HttpConnectionManager_ForwardClientCertDetails as ClientCert,
  HttpConnectionManager_CodecType as Codec,
  HttpConnectionManager_PathWithEscapedSlashesAction as Escaped,
  type HttpConnectionManager,
  HttpConnectionManagerSchema,
  HttpConnectionManager_ServerHeaderTransformation as ServerHeader,
} from '@palisade/xds/api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager';
import { milliseconds } from '../config/duration.ts';
import { headerText } from '../config/header-text.ts';
import { refuseUnread } from '../config/registry.ts';
import { compileAccessLogs } from '../log/access-log.ts';
import type { AccessLogger } from '../log/subject.ts';
import { ProxyError, unsupported } from '../proxy-error.ts';
import { compileRoutes, type RouteTable } from '../route/table.ts';
import type { Runtime } from '../runtime.ts';
import type { Counter } from '../stats/stats.ts';
import type { AcceptOptions } from './accept-request.ts';
import { compileHttpFilters } from './filters.ts';
import { defaultLimits, type HeadLimits } from './parse-head.ts';
import type { HttpFilter } from './request-state.ts';

export interface Manager {
  readonly runtime: Runtime;
  readonly accept: AcceptOptions;
  readonly limits: HeadLimits;
  readonly filters: readonly HttpFilter[];
  readonly routes: { readonly current: RouteTable | undefined };
  readonly loggers: readonly AccessLogger[];
  readonly serverName: string;
  readonly serverHeader: 'overwrite' | 'if-absent' | 'pass';
  readonly clientCert: 'sanitize' | 'forward' | 'append' | 'set' | 'always-forward';
  readonly clientCertParts: { readonly subject: boolean; readonly uri: boolean; readonly dns: boolean };
  readonly generatesRequestId: boolean;
  readonly appendsForwardedFor: boolean;
  /** 0 = no limit. */
  readonly streamIdleMs: number;
  readonly headersTimeoutMs: number;
  readonly idleMs: number;
  readonly counters: Readonly<Record<'requests' | 'active' | 'malformed', Counter>> & {
    /** From 1xx to 5xx; a request without an answer is in none. */
    readonly answered: readonly [Counter, Counter, Counter, Counter, Counter];
  };
}

const read = [
  'codec_type',
  'stat_prefix',
  'rds',
  'route_config',
  'http_filters',
  'tracing',
  'common_http_protocol_options',
  'http_protocol_options',
  'http2_protocol_options',
  'server_name',
  'server_header_transformation',
  'max_request_headers_kb',
  'stream_idle_timeout',
  'request_timeout',
  'request_headers_timeout',
  'drain_timeout',
  'delayed_close_timeout',
  'access_log',
  'use_remote_address',
  'xff_num_trusted_hops',
  'skip_xff_append',
  'generate_request_id',
  'preserve_external_request_id',
  'forward_client_cert_details',
  'set_current_client_cert_details',
  'upgrade_configs',
  'normalize_path',
  'merge_slashes',
  'path_with_escaped_slashes_action',
  'strip_matching_host_port',
  'strip_any_host_port',
  'strip_trailing_host_dot',
  'stream_error_on_invalid_http_message',
  'request_id_extension',
  'proxy_100_continue',
  'internal_address_config',
];

const escapedSlashes = {
  [Escaped.IMPLEMENTATION_SPECIFIC_DEFAULT]: 'keep',
  [Escaped.KEEP_UNCHANGED]: 'keep',
  [Escaped.REJECT_REQUEST]: 'reject',
  [Escaped.UNESCAPE_AND_REDIRECT]: 'redirect',
  [Escaped.UNESCAPE_AND_FORWARD]: 'unescape',
} as const;

const clientCerts = {
  [ClientCert.SANITIZE]: 'sanitize',
  [ClientCert.FORWARD_ONLY]: 'forward',
  [ClientCert.APPEND_FORWARD]: 'append',
  [ClientCert.SANITIZE_SET]: 'set',
  [ClientCert.ALWAYS_FORWARD_ONLY]: 'always-forward',
} as const;

export function compileManager(config: HttpConnectionManager, runtime: Runtime, where: string): Manager {
  const at = `${where}, http_connection_manager "${config.statPrefix}"`;
  refuseUnread(HttpConnectionManagerSchema, config, read, at);
  if (config.codecType === Codec.HTTP3 || config.codecType === Codec.HTTP2) throw unsupported(at, `codec_type ${Codec[config.codecType]}`);
  const common = config.commonHttpProtocolOptions;
  const prefix = `http.${config.statPrefix}`;
  const details = config.setCurrentClientCertDetails;
  if (details?.cert || details?.chain) throw unsupported(at, 'certificates inside x-forwarded-client-cert');
  const counter = (name: string) => runtime.stats.counter(`${prefix}.${name}`);
  return {
    runtime,
    accept: {
      path: {
        normalizes: config.normalizePath === true,
        mergesSlashes: config.mergeSlashes,
        escapedSlashes: escapedSlashes[config.pathWithEscapedSlashesAction],
      },
      acceptsHttp10: config.httpProtocolOptions?.acceptHttp10 === true,
      stripsHostPort:
        config.stripPortMode.case === 'stripAnyHostPort' && config.stripPortMode.value
          ? 'any'
          : config.stripMatchingHostPort
            ? 'matching'
            : 'never',
      stripsTrailingDot: config.stripTrailingHostDot,
      usesRemoteAddress: config.useRemoteAddress === true,
      trustedHops: config.xffNumTrustedHops,
      upgrades: config.upgradeConfigs.filter((one) => one.enabled !== false).map((one) => one.upgradeType.toLowerCase()),
    },
    limits: { maxBytes: (config.maxRequestHeadersKb ?? 60) * 1024, maxFields: common?.maxHeadersCount ?? defaultLimits.maxFields },
    filters: compileHttpFilters(config.httpFilters, runtime, prefix, at),
    routes: routesOf(config, runtime, at),
    loggers: compileAccessLogs(config.accessLog, runtime.logs, at),
    serverName: headerText(config.serverName || 'envoy', 'server_name', at),
    serverHeader:
      config.serverHeaderTransformation === ServerHeader.PASS_THROUGH
        ? 'pass'
        : config.serverHeaderTransformation === ServerHeader.APPEND_IF_ABSENT
          ? 'if-absent'
          : 'overwrite',
    clientCert: clientCerts[config.forwardClientCertDetails],
    clientCertParts: { subject: details?.subject === true, uri: details?.uri === true, dns: details?.dns === true },
    generatesRequestId: config.generateRequestId !== false,
    appendsForwardedFor: config.useRemoteAddress === true && !config.skipXffAppend,
    streamIdleMs: milliseconds(config.streamIdleTimeout, 300_000),
    headersTimeoutMs: milliseconds(config.requestHeadersTimeout, 0) || 60_000,
    idleMs: milliseconds(common?.idleTimeout, 3_600_000),
    counters: {
      requests: counter('downstream_rq_total'),
      active: runtime.stats.gauge(`${prefix}.downstream_rq_active`),
      answered: [
        counter('downstream_rq_1xx'),
        counter('downstream_rq_2xx'),
        counter('downstream_rq_3xx'),
        counter('downstream_rq_4xx'),
        counter('downstream_rq_5xx'),
      ],
      malformed: counter('downstream_cx_protocol_error'),
    },
  };
}

function routesOf(config: HttpConnectionManager, runtime: Runtime, where: string): Manager['routes'] {
  const specifier = config.routeSpecifier;
  if (specifier.case === 'rds') return runtime.routes.at(specifier.value.routeConfigName);
  if (specifier.case === 'routeConfig') return { current: compileRoutes(specifier.value, runtime.clusters) };
  throw new ProxyError('unsupported', `${where}: expected rds or route_config`);
}
