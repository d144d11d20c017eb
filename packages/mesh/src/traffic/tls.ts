/** Transport sockets of the mesh: mutual TLS with the workload's certificate from SDS, plain text, and TLS from files. */
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { TransportSocketSchema } from '@palisade/xds/api/envoy/config/core/v3/base';
import { ApiConfigSource_ApiType, ApiVersion } from '@palisade/xds/api/envoy/config/core/v3/config_source';
import { RawBufferSchema } from '@palisade/xds/api/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer';
import {
  SubjectAltNameMatcher_SanType,
  TlsParameters_TlsProtocol,
} from '@palisade/xds/api/envoy/extensions/transport_sockets/tls/v3/common';
import { DownstreamTlsContextSchema, UpstreamTlsContextSchema } from '@palisade/xds/api/envoy/extensions/transport_sockets/tls/v3/tls';
import { extension } from './any.ts';
import type { ClientTls } from './destination-rule.ts';

type TransportSocket = MessageInitShape<typeof TransportSocketSchema>;

/** Cluster of every bootstrap: the agent's Unix socket. */
const sdsCluster = 'sds-grpc';
/** Names under which the agent serves the workload's certificate and the trust anchors. */
export const SecretName = { certificate: 'default', anchors: 'ROOTCA' } as const;

/** What an Istio client offers; a PERMISSIVE server tells mesh TLS from the application's own by it. The first is for HTTP, the second for TCP. */
export const istioAlpn = ['istio-http/1.1', 'istio-peer-exchange', 'istio', 'istio-http/1.0', 'istio-h2'] as const;

function fromAgent(name: string) {
  return {
    name,
    sdsConfig: {
      resourceApiVersion: ApiVersion.V3,
      initialFetchTimeout: { seconds: 0n },
      configSourceSpecifier: {
        case: 'apiConfigSource' as const,
        value: {
          apiType: ApiConfigSource_ApiType.GRPC,
          transportApiVersion: ApiVersion.V3,
          setNodeOnFirstMessageOnly: true,
          grpcServices: [{ targetSpecifier: { case: 'envoyGrpc' as const, value: { clusterName: sdsCluster } } }],
        },
      },
    },
  };
}

function uriNames(names: readonly string[], prefix = false) {
  return names.map((name) => ({
    sanType: SubjectAltNameMatcher_SanType.URI,
    matcher: { matchPattern: prefix ? ({ case: 'prefix', value: name } as const) : ({ case: 'exact', value: name } as const) },
  }));
}

const versions = {
  tlsMinimumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_2,
  tlsMaximumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_3,
};

/** @param trustDomains peers of any other are refused in the handshake */
export function meshServerTls(trustDomains: readonly string[]): TransportSocket {
  return extension('envoy.transport_sockets.tls', DownstreamTlsContextSchema, {
    requireClientCertificate: true,
    commonTlsContext: {
      tlsParams: versions,
      alpnProtocols: [...istioAlpn, 'h2', 'http/1.1'],
      tlsCertificateSdsSecretConfigs: [fromAgent(SecretName.certificate)],
      validationContextType: {
        case: 'combinedValidationContext',
        value: {
          defaultValidationContext: {
            matchTypedSubjectAltNames: uriNames(
              trustDomains.map((domain) => `spiffe://${domain}/`),
              true,
            ),
          },
          validationContextSdsSecretConfig: fromAgent(SecretName.anchors),
        },
      },
    },
  });
}

/**
 * @param names the identities behind the destination; empty = any that the trust anchors vouch for, as in Istio when the accounts
 *   are unknown
 */
export function meshClientTls(sni: string, names: readonly string[], isHttp: boolean): TransportSocket {
  return extension('envoy.transport_sockets.tls', UpstreamTlsContextSchema, {
    sni,
    commonTlsContext: {
      tlsParams: versions,
      alpnProtocols: [isHttp ? istioAlpn[0] : istioAlpn[1], 'istio'],
      tlsCertificateSdsSecretConfigs: [fromAgent(SecretName.certificate)],
      validationContextType: {
        case: 'combinedValidationContext',
        value: {
          defaultValidationContext: { matchTypedSubjectAltNames: uriNames(names) },
          validationContextSdsSecretConfig: fromAgent(SecretName.anchors),
        },
      },
    },
  });
}

export function plainText(): TransportSocket {
  return extension('envoy.transport_sockets.raw_buffer', RawBufferSchema, {});
}

/** DestinationRule SIMPLE and MUTUAL: certificates are files of the proxy's container. */
export function originatedTls(tls: ClientTls, host: string): TransportSocket {
  const file = (filename: string) => ({ specifier: { case: 'filename' as const, value: filename } });
  const names = tls.subjectAltNames.map((name) => ({
    sanType: name.includes('://') ? SubjectAltNameMatcher_SanType.URI : SubjectAltNameMatcher_SanType.DNS,
    matcher: { matchPattern: { case: 'exact' as const, value: name } },
  }));
  return extension('envoy.transport_sockets.tls', UpstreamTlsContextSchema, {
    sni: tls.sni ?? host,
    commonTlsContext: {
      tlsParams: versions,
      tlsCertificates:
        tls.clientCertificate === undefined || tls.privateKey === undefined
          ? []
          : [{ certificateChain: file(tls.clientCertificate), privateKey: file(tls.privateKey) }],
      validationContextType: {
        case: 'validationContext',
        value: { trustedCa: file(tls.caCertificates ?? '/etc/ssl/certs/ca-certificates.crt'), matchTypedSubjectAltNames: names },
      },
    },
  });
}
