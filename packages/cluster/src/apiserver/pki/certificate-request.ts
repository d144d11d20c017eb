/** Certificates for requests of others (RFC 2986, certificates.k8s.io): their key stays with them. */
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import type { RequestedSubject } from '../../contract.ts';
import { ALGORITHM, BACKDATE_MS, type KeyPairPem, pem, serial } from './issue.ts';

const KEY_USAGES: Readonly<Record<string, x509.KeyUsageFlags>> = {
  signing: x509.KeyUsageFlags.digitalSignature,
  'digital signature': x509.KeyUsageFlags.digitalSignature,
  'content commitment': x509.KeyUsageFlags.nonRepudiation,
  'key encipherment': x509.KeyUsageFlags.keyEncipherment,
  'key agreement': x509.KeyUsageFlags.keyAgreement,
  'data encipherment': x509.KeyUsageFlags.dataEncipherment,
};
const EXTENDED_USAGES: Readonly<Record<string, x509.ExtendedKeyUsage>> = {
  'client auth': x509.ExtendedKeyUsage.clientAuth,
  'server auth': x509.ExtendedKeyUsage.serverAuth,
};

/** @throws Error when the text is no request, its signature is not by its own key, or its subject is not all text */
export async function readRequest(text: string): Promise<RequestedSubject> {
  const csr = parse(text);
  if (!(await csr.verify())) throw new Error('the signature of the request does not match its public key');
  // What this library shows as `#` and hex digits, OpenSSL may show as a text: a group that nobody here has seen.
  if (csr.subjectName.toJSON().some((part) => Object.values(part).some((values) => values.some((value) => value.startsWith('#')))))
    throw new Error('the subject of the request has a value that is not text');
  const names = alternativeNames(csr);
  const of = (type: string) => names.filter((name) => name.type === type).map((name) => name.value);
  return {
    commonName: csr.subjectName.getField('CN')[0] ?? '',
    organizations: csr.subjectName.getField('O'),
    dnsNames: of('dns'),
    ipAddresses: of('ip'),
    emails: of('email'),
    uris: of('url'),
  };
}

/** Subject, key and alternative names (of the types `readRequest` tells) are the request's; everything else is ours. Ends no later than the authority itself. */
export async function signRequest(
  ca: KeyPairPem,
  text: string,
  { usages, now, seconds }: { usages: readonly string[]; now: Date; seconds: number },
): Promise<string> {
  const csr = parse(text);
  const issuer = new x509.X509Certificate(ca.certificatePem);
  const signingKey = await webcrypto.subtle.importKey('pkcs8', x509.PemConverter.decodeFirst(ca.privateKeyPem), ALGORITHM, false, ['sign']);
  const keyUsage = usages.reduce((flags, usage) => flags | (KEY_USAGES[usage] ?? 0), 0);
  const extended = usages.flatMap((usage) => EXTENDED_USAGES[usage] ?? []);
  const names = alternativeNames(csr);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serial(),
    subject: csr.subjectName,
    issuer: issuer.subjectName,
    notBefore: new Date(now.getTime() - BACKDATE_MS),
    notAfter: new Date(Math.min(now.getTime() + seconds * 1000, issuer.notAfter.getTime())),
    signingAlgorithm: ALGORITHM,
    publicKey: csr.publicKey,
    signingKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      ...(keyUsage === 0 ? [] : [new x509.KeyUsagesExtension(keyUsage, true)]),
      ...(extended.length > 0 ? [new x509.ExtendedKeyUsageExtension(extended)] : []),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
      ...(names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension([...names])]),
    ],
  });
  return pem(certificate);
}

const NAME_TYPES: readonly string[] = ['dns', 'ip', 'email', 'url'];

function alternativeNames(csr: x509.Pkcs10CertificateRequest): readonly x509.JsonGeneralName[] {
  const extension = csr.extensions.find((one) => one instanceof x509.SubjectAlternativeNameExtension);
  return (extension?.names.toJSON() ?? []).filter(({ type }) => NAME_TYPES.includes(type));
}

function parse(text: string): x509.Pkcs10CertificateRequest {
  if (!/^\s*-----BEGIN CERTIFICATE REQUEST-----/.test(text)) throw new Error('PEM block type must be CERTIFICATE REQUEST');
  try {
    return new x509.Pkcs10CertificateRequest(text);
  } catch (error) {
    throw new Error(`the request cannot be read: ${(error as Error).message}`);
  }
}
