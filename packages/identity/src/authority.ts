/**
 * The mesh's certificate authority: a root that signs only intermediates, an intermediate that signs workloads. The root's key can
 * stay offline; what signs every day holds the intermediate's.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { IdentityError } from './identity-error.ts';
import { certificatePem, ecdsa, generateKeys, privateKeyPem, serialNumber, subtle, x509 } from './x509-setup.ts';

/** Everything random and timed that signing needs. */
export interface SigningEdges {
  readonly now: () => Date;
  readonly randomBytes: (size: number) => Uint8Array;
}

export interface KeyedCertificate {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
}

/** What a workload certificate is signed with, and what peers must trust to believe it. */
export interface Authority {
  readonly intermediate: KeyedCertificate;
  /** From the intermediate's issuer up to, without, the root. Usually empty. */
  readonly chainPem: readonly string[];
  readonly rootPem: string;
}

const dayMs = 86_400_000;
/** Clocks of peers may be behind. */
export const backdateMs = 5 * 60_000;
const rootDays = 3650;
const intermediateDays = 365;

export async function createRoot(trustDomain: string, edges: SigningEdges, days = rootDays): Promise<KeyedCertificate> {
  const keys = await generateKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(edges.randomBytes),
    name: [{ O: [trustDomain] }, { CN: ['Palisade root'] }],
    notBefore: new Date(edges.now().getTime() - backdateMs),
    notAfter: new Date(edges.now().getTime() + days * dayMs),
    signingAlgorithm: ecdsa,
    keys,
    extensions: [...authorityExtensions(1), await x509.SubjectKeyIdentifierExtension.create(keys.publicKey)],
  });
  return { certificatePem: certificatePem(certificate), privateKeyPem: await privateKeyPem(keys.privateKey) };
}

/** The intermediate may not outlive the root: its end is the earlier of both. */
export async function createIntermediate(
  trustDomain: string,
  root: KeyedCertificate,
  edges: SigningEdges,
  days = intermediateDays,
): Promise<KeyedCertificate> {
  const issuer = new x509.X509Certificate(root.certificatePem);
  const keys = await generateKeys();
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(edges.randomBytes),
    subject: [{ O: [trustDomain] }, { CN: ['Palisade intermediate'] }],
    issuer: issuer.subjectName,
    notBefore: new Date(edges.now().getTime() - backdateMs),
    notAfter: new Date(Math.min(edges.now().getTime() + days * dayMs, issuer.notAfter.getTime())),
    signingAlgorithm: ecdsa,
    publicKey: keys.publicKey,
    signingKey: await importKey(root.privateKeyPem),
    extensions: [
      ...authorityExtensions(0),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
    ],
  });
  return { certificatePem: certificatePem(certificate), privateKeyPem: await privateKeyPem(keys.privateKey) };
}

export async function createAuthority(trustDomain: string, edges: SigningEdges): Promise<{ authority: Authority; root: KeyedCertificate }> {
  const root = await createRoot(trustDomain, edges);
  const intermediate = await createIntermediate(trustDomain, root, edges);
  return { authority: { intermediate, chainPem: [], rootPem: root.certificatePem }, root };
}

/**
 * A user's own authority (`ca-cert.pem`, `ca-key.pem`, `cert-chain.pem`, `root-cert.pem`): refused unless the key fits, the chain leads
 * to the root, every certificate may sign and is valid now.
 */
export function loadAuthority(authority: Authority, now: Date): Authority {
  const chain = [authority.intermediate.certificatePem, ...authority.chainPem, authority.rootPem].map((pem, index) =>
    readCertificate(pem, index),
  );
  try {
    subtleKeyFits(chain[0]!, authority.intermediate.privateKeyPem);
  } catch (cause) {
    throw new IdentityError('bad-authority', 'The private key does not belong to the signing certificate', { cause });
  }
  for (const [index, certificate] of chain.entries()) {
    const issuer = chain[index + 1] ?? certificate;
    const name = nameOf(certificate);
    if (!certificate.ca) throw new IdentityError('bad-authority', `"${name}" is no authority: its basic constraints do not say CA`);
    if (now < certificate.validFromDate || now > certificate.validToDate)
      throw new IdentityError('bad-authority', `"${name}" is not valid at ${now.toISOString()}`);
    if (!certificate.checkIssued(issuer) || !certificate.verify(issuer.publicKey)) {
      throw new IdentityError('bad-authority', `"${name}" was not signed by "${nameOf(issuer)}"`);
    }
  }
  return authority;
}

function readCertificate(pem: string, index: number): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw new IdentityError('bad-authority', `Certificate ${index} of the chain cannot be read`, { cause });
  }
}

function subtleKeyFits(certificate: X509Certificate, keyPem: string) {
  if (!certificate.checkPrivateKey(createPrivateKey(keyPem))) throw new Error('different public key');
}

function authorityExtensions(pathLength: number) {
  const { keyCertSign, cRLSign, digitalSignature } = x509.KeyUsageFlags;
  return [
    new x509.BasicConstraintsExtension(true, pathLength, true),
    new x509.KeyUsagesExtension(keyCertSign | cRLSign | digitalSignature, true),
  ];
}

/** PKCS#8, PKCS#1 or SEC 1, P-256 or RSA. */
export async function importKey(pem: string) {
  const key = createPrivateKey(pem);
  const algorithm = key.asymmetricKeyType === 'rsa' ? { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' } : ecdsa;
  return subtle.importKey('pkcs8', key.export({ type: 'pkcs8', format: 'der' }), algorithm, false, ['sign']);
}

/** A workload's certificate has no subject. */
function nameOf(certificate: X509Certificate): string {
  return ((certificate.subject as string | undefined) ?? certificate.subjectAltName ?? 'unnamed').replaceAll('\n', ', ');
}
