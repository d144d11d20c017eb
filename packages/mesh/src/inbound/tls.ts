/** Inbound mutual TLS: the workload's own certificate and the trust bundle by SDS, a client certificate required, TLS 1.2 to 1.3. */
import { create } from '@bufbuild/protobuf';
import { anyPack } from '@bufbuild/protobuf/wkt';
import type { TrustDomains } from '@palisade/identity/trust-domain';
import { type TransportSocket, TransportSocketSchema } from '@palisade/xds/api/envoy/config/core/v3/base';
import {
  type ApiConfigSource_ApiType,
  ApiConfigSource_ApiType as ApiType,
  ApiVersion,
} from '@palisade/xds/api/envoy/config/core/v3/config_source';
import {
  SubjectAltNameMatcher_SanType as SanType,
  TlsParameters_TlsProtocol as TlsProtocol,
} from '@palisade/xds/api/envoy/extensions/transport_sockets/tls/v3/common';
import { DownstreamTlsContextSchema } from '@palisade/xds/api/envoy/extensions/transport_sockets/tls/v3/tls';

/** The cluster of the agent's Unix socket, in every bootstrap. */
export const sdsCluster = 'sds-grpc';
/** SDS names of the workload's certificate and of the trust bundle. */
export const workloadSecret = 'default';
export const trustSecret = 'ROOTCA';

export function inboundTls(trustDomains: TrustDomains, codec: 'http' | 'tcp'): TransportSocket {
  const names = [...new Set([trustDomains.local, ...trustDomains.aliases])];
  const context = create(DownstreamTlsContextSchema, {
    requireClientCertificate: true,
    commonTlsContext: {
      alpnProtocols: codec === 'http' ? ['istio-http/1.1', 'h2', 'http/1.1'] : ['istio-peer-exchange', 'h2', 'http/1.1'],
      tlsParams: { tlsMinimumProtocolVersion: TlsProtocol.TLSv1_2, tlsMaximumProtocolVersion: TlsProtocol.TLSv1_3 },
      tlsCertificateSdsSecretConfigs: [secret(workloadSecret)],
      validationContextType: {
        case: 'combinedValidationContext',
        value: {
          defaultValidationContext: {
            matchTypedSubjectAltNames: names.map((name) => ({
              sanType: SanType.URI,
              matcher: { matchPattern: { case: 'prefix' as const, value: `spiffe://${name}/` } },
            })),
          },
          validationContextSdsSecretConfig: secret(trustSecret),
        },
      },
    },
  });
  return create(TransportSocketSchema, {
    name: 'envoy.transport_sockets.tls',
    configType: { case: 'typedConfig', value: anyPack(DownstreamTlsContextSchema, context) },
  });
}

/** No time limit: a proxy without its certificate serves nothing (fail closed). */
export function secret(name: string) {
  const apiType: ApiConfigSource_ApiType = ApiType.GRPC;
  const grpcServices = [{ targetSpecifier: { case: 'envoyGrpc' as const, value: { clusterName: sdsCluster } } }];
  return {
    name,
    sdsConfig: {
      resourceApiVersion: ApiVersion.V3,
      initialFetchTimeout: { seconds: 0n },
      configSourceSpecifier: {
        case: 'apiConfigSource' as const,
        value: { apiType, transportApiVersion: ApiVersion.V3, setNodeOnFirstMessageOnly: true, grpcServices },
      },
    },
  };
}
