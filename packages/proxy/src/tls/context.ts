/** `DownstreamTlsContext` and `UpstreamTlsContext`, compiled; certificates may be replaced at any time. */
import type { X509Certificate } from 'node:crypto';
import { createSecureContext, type SecureContext, type SecureVersion } from 'node:tls';
import { clone, create } from '@bufbuild/protobuf';
import type {
  CertificateValidationContext,
  SubjectAltNameMatcher,
  TlsParameters,
} from '@palisade/xds/api/envoy/extensions/transport_sockets/tls/v3/common';
import {
  CertificateValidationContextSchema,
  SubjectAltNameMatcher_SanType,
  SubjectAltNameMatcherSchema,
  TlsParameters_TlsProtocol as Version,
} from '@palisade/xds/api/envoy/extensions/transport_sockets/tls/v3/common';
import { type CommonTlsContext, CommonTlsContextSchema } from '@palisade/xds/api/envoy/extensions/transport_sockets/tls/v3/tls';
import type { Cell, Cells } from '../cells.ts';
import { refuseUnread } from '../config/registry.ts';
import { ProxyError, unsupported } from '../proxy-error.ts';
import { compileSanMatchers } from './peer.ts';
import { type KeyPair, readCertificate, type SecretContent, type TrustAnchors, trustAnchors } from './secret.ts';

/** What a handshake needs; built again only when a secret behind it changed. */
export interface TlsMaterial {
  readonly context: SecureContext;
  readonly keyPair: KeyPair | undefined;
  /** Trust anchors are configured, so a peer's chain must lead to one. */
  readonly verifiesChain: boolean;
  readonly admits: (certificate: X509Certificate) => boolean;
}

export interface TlsSetup {
  readonly alpn: readonly string[];
  /** undefined: a secret is not there yet, so nothing may be served or dialled. */
  material(): TlsMaterial | undefined;
}

const read = [
  'tls_params',
  'tls_certificates',
  'tls_certificate_sds_secret_configs',
  'validation_context',
  'validation_context_sds_secret_config',
  'combined_validation_context',
  'alpn_protocols',
];

export function compileTls(common: CommonTlsContext | undefined, secrets: Cells<SecretContent>, where: string): TlsSetup {
  if (common === undefined) throw new ProxyError('bad-config', `${where}: common_tls_context is missing`);
  refuseUnread(CommonTlsContextSchema, common, read, where);
  if (common.tlsCertificates.length + common.tlsCertificateSdsSecretConfigs.length > 1)
    throw unsupported(where, 'more than one certificate');
  const versions = versionsOf(common.tlsParams);
  const inlineCertificate = common.tlsCertificates[0] && readCertificate(common.tlsCertificates[0], where);
  const certificateCell = cellOf(common.tlsCertificateSdsSecretConfigs[0]?.name, secrets);
  const { fixed, cell: validationCell } = validationOf(common, secrets);
  const fixedAnchors = fixed && trustAnchors(fixed, where);
  let built: { from: unknown[]; material: TlsMaterial } | undefined;
  return {
    alpn: common.alpnProtocols,
    material() {
      const from = [certificateCell?.current, validationCell?.current];
      if (built !== undefined && from.every((content, index) => content === built!.from[index])) return built.material;
      const certificate = certificateCell?.current?.kind === 'certificate' ? certificateCell.current.certificate : inlineCertificate;
      if (certificateCell !== undefined && certificateCell.current?.kind !== 'certificate') return undefined;
      if (validationCell !== undefined && validationCell.current?.kind !== 'validation') return undefined;
      const sds = validationCell?.current?.kind === 'validation' ? validationCell.current : undefined;
      const anchors = sds?.anchors ?? fixedAnchors;
      built = { from, material: build(certificate, merged(sds?.validation, fixed), anchors, versions, where) };
      return built.material;
    },
  };
}

function cellOf(name: string | undefined, secrets: Cells<SecretContent>): Cell<SecretContent> | undefined {
  return name === undefined ? undefined : secrets.at(name);
}

function validationOf(common: CommonTlsContext, secrets: Cells<SecretContent>) {
  const type = common.validationContextType;
  switch (type.case) {
    case 'validationContext':
      return { fixed: type.value, cell: undefined };
    case 'validationContextSdsSecretConfig':
      return { fixed: undefined, cell: secrets.at(type.value.name) };
    case 'combinedValidationContext': {
      const name = type.value.validationContextSdsSecretConfig?.name;
      return { fixed: type.value.defaultValidationContext, cell: name === undefined ? undefined : secrets.at(name) };
    }
    default:
      return { fixed: undefined, cell: undefined };
  }
}

/** Envoy merges the secret over the default: single fields replace, lists add up. */
function merged(sds: CertificateValidationContext | undefined, fixed: CertificateValidationContext | undefined) {
  if (sds === undefined || fixed === undefined) return sds ?? fixed;
  const both = clone(CertificateValidationContextSchema, fixed);
  if (sds.trustedCa !== undefined) both.trustedCa = sds.trustedCa;
  both.matchTypedSubjectAltNames.push(...sds.matchTypedSubjectAltNames);
  both.matchSubjectAltNames.push(...sds.matchSubjectAltNames);
  both.verifyCertificateHash.push(...sds.verifyCertificateHash);
  both.verifyCertificateSpki.push(...sds.verifyCertificateSpki);
  return both;
}

const readValidation = ['trusted_ca', 'match_typed_subject_alt_names', 'match_subject_alt_names'];

function build(
  pair: KeyPair | undefined,
  given: CertificateValidationContext | undefined,
  ca: TrustAnchors,
  versions: Versions,
  where: string,
): TlsMaterial {
  const validation = given ?? create(CertificateValidationContextSchema);
  refuseUnread(CertificateValidationContextSchema, validation, readValidation, `${where}, validation_context`);
  const typed = compileSanMatchers(validation.matchTypedSubjectAltNames, where);
  const untyped = compileSanMatchers(anyType(validation), where);
  return {
    context: createSecureContext({
      ciphers,
      honorCipherOrder: true,
      ...versions,
      ...(pair === undefined ? {} : { cert: pair.certPem, key: pair.keyPem }),
      ca: [...(ca ?? [])],
      // Without tickets a peer's certificate is looked at on every connection.
      secureOptions: noTicket,
    }),
    keyPair: pair,
    verifiesChain: ca !== undefined,
    admits: (certificate) => typed(certificate) && untyped(certificate),
  };
}

/** AES-128 first, as Envoy orders them. No CBC, no static RSA. */
const ciphers = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':');

/** SSL_OP_NO_TICKET */
const noTicket = 0x4000;

/** The older field names no type: URI, DNS and IP names may match. */
function anyType(validation: CertificateValidationContext): SubjectAltNameMatcher[] {
  const kinds = [SubjectAltNameMatcher_SanType.URI, SubjectAltNameMatcher_SanType.DNS, SubjectAltNameMatcher_SanType.IP_ADDRESS];
  return validation.matchSubjectAltNames.flatMap((matcher) =>
    kinds.map((sanType) => create(SubjectAltNameMatcherSchema, { sanType, matcher })),
  );
}

interface Versions {
  readonly minVersion: SecureVersion;
  readonly maxVersion: SecureVersion;
}

/** Older than 1.2 is refused, as Istio does. Envoy's default: 1.2 to 1.3 for clients and servers. */
function versionsOf(params: TlsParameters | undefined): Versions {
  const name = (version: Version | undefined, otherwise: SecureVersion): SecureVersion =>
    version === Version.TLSv1_3 ? 'TLSv1.3' : version === Version.TLSv1_2 ? 'TLSv1.2' : otherwise;
  return { minVersion: name(params?.tlsMinimumProtocolVersion, 'TLSv1.2'), maxVersion: name(params?.tlsMaximumProtocolVersion, 'TLSv1.3') };
}
