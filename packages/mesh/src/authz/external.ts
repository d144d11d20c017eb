/** The filters that ask an external authorizer (Envoy ext_authz), for HTTP and for TCP. */
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { anyPack } from '@bufbuild/protobuf/wkt';
import { ApiVersion } from '@palisade/xds/api/envoy/config/core/v3/config_source';
import { type Filter, FilterSchema } from '@palisade/xds/api/envoy/config/listener/v3/listener_components';
import { ExtAuthzSchema as HttpExtAuthzSchema } from '@palisade/xds/api/envoy/extensions/filters/http/ext_authz/v3/ext_authz';
import { ExtAuthzSchema as NetworkExtAuthzSchema } from '@palisade/xds/api/envoy/extensions/filters/network/ext_authz/v3/ext_authz';
import {
  type HttpFilter,
  HttpFilterSchema,
} from '@palisade/xds/api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager';
import type { ExtensionProvider } from '../resources/extension-provider.ts';
import { tcpStatPrefix } from './filters.ts';
import { stringMatch } from './matchers.ts';

/** Begins the keys of a provider's rules; the ext_authz filter asks only when one of them matched. */
export function providerPrefix(provider: string): string {
  return `istio-ext-authz-${provider}`;
}

export const externalShadowPrefix = 'istio_ext_authz_';

export function httpExternalFilter(provider: ExtensionProvider): HttpFilter {
  const { statusOnError, requestBody, requestHeaders } = provider;
  const config = create(HttpExtAuthzSchema, {
    services:
      provider.protocol === 'grpc'
        ? { case: 'grpcService', value: grpcService(provider) }
        : { case: 'httpService', value: httpService(provider) },
    transportApiVersion: ApiVersion.V3,
    failureModeAllow: provider.isFailOpen,
    filterEnabledMetadata: whenSelected(provider, 'envoy.filters.http.rbac'),
    ...(statusOnError === undefined ? {} : { statusOnError: { code: statusOnError } }),
    ...(requestBody === undefined
      ? {}
      : {
          withRequestBody: {
            maxRequestBytes: requestBody.maxBytes,
            allowPartialMessage: requestBody.allowsPartial,
            packAsBytes: requestBody.packAsBytes,
          },
        }),
    ...(requestHeaders.length === 0 ? {} : { allowedHeaders: headerList(requestHeaders) }),
  });
  return create(HttpFilterSchema, {
    name: 'envoy.filters.http.ext_authz',
    configType: { case: 'typedConfig', value: anyPack(HttpExtAuthzSchema, config) },
  });
}

export function networkExternalFilter(provider: ExtensionProvider): Filter {
  const config = create(NetworkExtAuthzSchema, {
    grpcService: grpcService(provider),
    transportApiVersion: ApiVersion.V3,
    failureModeAllow: provider.isFailOpen,
    filterEnabledMetadata: whenSelected(provider, 'envoy.filters.network.rbac'),
    statPrefix: tcpStatPrefix,
  });
  return create(FilterSchema, {
    name: 'envoy.filters.network.ext_authz',
    configType: { case: 'typedConfig', value: anyPack(NetworkExtAuthzSchema, config) },
  });
}

function clusterName({ host, port }: ExtensionProvider): string {
  return `outbound|${port}||${host}`;
}

function duration(seconds: number) {
  const whole = Math.floor(seconds);
  return { seconds: BigInt(whole), nanos: Math.round((seconds - whole) * 1e9) };
}

function whenSelected(provider: ExtensionProvider, filter: string) {
  return {
    filter,
    path: [{ segment: { case: 'key' as const, value: `${externalShadowPrefix}shadow_effective_policy_id` } }],
    value: { matchPattern: { case: 'stringMatch' as const, value: stringMatch(`${providerPrefix(provider.name)}*`) } },
  };
}

function grpcService(provider: ExtensionProvider) {
  return {
    targetSpecifier: { case: 'envoyGrpc' as const, value: { clusterName: clusterName(provider), authority: provider.host } },
    timeout: duration(provider.timeoutSeconds),
  };
}

type HttpService = Extract<NonNullable<MessageInitShape<typeof HttpExtAuthzSchema>['services']>, { case: 'httpService' }>['value'];

function httpService(provider: ExtensionProvider): HttpService {
  const added = Object.entries(provider.additionalHeaders).sort(([a], [b]) => (a < b ? -1 : 1));
  const lists = {
    allowedUpstreamHeaders: provider.upstreamHeadersOnAllow,
    allowedClientHeaders: provider.downstreamHeadersOnDeny,
    allowedClientHeadersOnSuccess: provider.downstreamHeadersOnAllow,
  };
  const answered = Object.entries(lists).filter(([, headers]) => headers.length > 0);
  return {
    serverUri: {
      uri: `http://${provider.host}`,
      httpUpstreamType: { case: 'cluster', value: clusterName(provider) },
      timeout: duration(provider.timeoutSeconds),
    },
    pathPrefix: provider.pathPrefix ?? '',
    ...(added.length === 0 ? {} : { authorizationRequest: { headersToAdd: added.map(([key, value]) => ({ key, value })) } }),
    ...(answered.length === 0
      ? {}
      : { authorizationResponse: Object.fromEntries(answered.map(([name, headers]) => [name, headerList(headers)])) }),
  };
}

function headerList(patterns: readonly string[]) {
  return { patterns: patterns.map((pattern) => stringMatch(pattern, { ignoreCase: true })) };
}
