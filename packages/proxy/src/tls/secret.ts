/** Certificates and trust anchors, from files, inline or SDS. A context is built once for each change. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { CertificateValidationContext, TlsCertificate } from '@palisade/xds/api/envoy/extensions/transport_sockets/tls/v3/common';
import type { Secret } from '@palisade/xds/api/envoy/extensions/transport_sockets/tls/v3/secret';
import { readDataSource } from '../config/data-source.ts';
import { ProxyError, unsupported } from '../proxy-error.ts';
import { uriNames } from './peer.ts';

export interface KeyPair {
  readonly certPem: string;
  readonly keyPem: string;
  readonly uriSans: readonly string[];
}

export type SecretContent =
  | { readonly kind: 'certificate'; readonly certificate: KeyPair }
  | { readonly kind: 'validation'; readonly validation: CertificateValidationContext; readonly anchors: TrustAnchors };

/** PEM blocks; undefined: nobody is trusted by chain. */
export type TrustAnchors = readonly string[] | undefined;

export function readSecret(secret: Secret): SecretContent {
  const where = `secret "${secret.name}"`;
  switch (secret.type.case) {
    case 'tlsCertificate':
      return { kind: 'certificate', certificate: readCertificate(secret.type.value, where) };
    case 'validationContext':
      return { kind: 'validation', validation: secret.type.value, anchors: trustAnchors(secret.type.value, where) };
    default:
      throw unsupported(where, `secret type "${secret.type.case ?? 'nothing'}"`);
  }
}

export function readCertificate(certificate: TlsCertificate, where: string): KeyPair {
  const certPem = readDataSource(certificate.certificateChain, `${where}, certificate_chain`);
  const keyPem = readDataSource(certificate.privateKey, `${where}, private_key`);
  try {
    const leaf = new X509Certificate(certPem);
    if (!leaf.checkPrivateKey(createPrivateKey(keyPem))) throw new Error('the private key does not belong to the certificate');
    return { certPem, keyPem, uriSans: uriNames(leaf) };
  } catch (cause) {
    throw new ProxyError('bad-secret', `${where}: cannot use the certificate: ${(cause as Error).message}`, { cause });
  }
}

export function trustAnchors(context: CertificateValidationContext, where: string): TrustAnchors {
  if (context.trustedCa === undefined) return undefined;
  const blocks = readDataSource(context.trustedCa, `${where}, trusted_ca`).match(
    /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g,
  );
  if (blocks === null) throw new ProxyError('bad-secret', `${where}: trusted_ca holds no PEM certificate`);
  for (const [index, block] of blocks.entries()) {
    try {
      new X509Certificate(block);
    } catch (cause) {
      throw new ProxyError('bad-secret', `${where}: cannot use certificate ${index + 1} of trusted_ca: ${(cause as Error).message}`, {
        cause,
      });
    }
  }
  return blocks;
}
