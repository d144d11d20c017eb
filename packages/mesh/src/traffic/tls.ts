/** Transport sockets of the mesh: mutual TLS with the workload's certificate from SDS, plain text, and TLS from files. */
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { TransportSocketSchema } from '@palisade/xds/api/envoy/config/core/v3/base';
import { RawBufferSchema } from '@palisade/xds/api/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer';
import {
  SubjectAltNameMatcher_SanType,
  TlsParameters_TlsProtocol,
} from '@palisade/xds/api/envoy/extensions/transport_sockets/tls/v3/common';
import { UpstreamTlsContextSchema } from '@palisade/xds/api/envoy/extensions/transport_sockets/tls/v3/tls';
import { secret, trustSecret, workloadSecret } from '../inbound/tls.ts';
import { extension } from './any.ts';
import type { ClientTls } from './destination-rule.ts';

type TransportSocket = MessageInitShape<typeof TransportSocketSchema>;

/** What a mesh client offers, by what it sends: servers tell mesh TLS from the application’s own by it. */
const alpn = { http: ['istio-http/1.1', 'istio'], tcp: ['istio-peer-exchange', 'istio'] };

function uriNames(names: readonly string[]) {
  return names.map((name) => ({
    sanType: SubjectAltNameMatcher_SanType.URI,
    matcher: { matchPattern: { case: 'exact' as const, value: name } },
  }));
}

const versions = {
  tlsMinimumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_2,
  tlsMaximumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_3,
};

/**
 * @param names the identities behind the destination; empty = any that the trust anchors vouch for, as in Istio when the accounts
 *   are unknown
 */
export function meshClientTls(sni: string, names: readonly string[], isHttp: boolean): TransportSocket {
  return extension('envoy.transport_sockets.tls', UpstreamTlsContextSchema, {
    sni,
    commonTlsContext: {
      tlsParams: versions,
      alpnProtocols: isHttp ? alpn.http : alpn.tcp,
      tlsCertificateSdsSecretConfigs: [secret(workloadSecret)],
      validationContextType: {
        case: 'combinedValidationContext',
        value: {
          defaultValidationContext: { matchTypedSubjectAltNames: uriNames(names) },
          validationContextSdsSecretConfig: secret(trustSecret),
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
