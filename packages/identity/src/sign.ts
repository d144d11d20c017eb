/** From a workload's request to its certificate. What the request may ask for was decided before, by who asked. */
import { type Authority, backdateMs, importKey, type SigningEdges } from './authority.ts';
import { IdentityError } from './identity-error.ts';
import { formatWorkloadId, type WorkloadId } from './spiffe-id.ts';
import { certificatePem, ecdsa, serialNumber, x509 } from './x509-setup.ts';

/** A request that was checked against the identity of its sender: only `checkRequest` makes one. */
export interface CheckedRequest {
  readonly id: WorkloadId;
  readonly publicKey: x509.PublicKey;
}

export interface WorkloadCertificate {
  /** Leaf, intermediate and what lies between it and the root, in the order TLS sends them. */
  readonly chainPem: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
}

const sanOid = '2.5.29.17';
const basicConstraintsOid = '2.5.29.19';
export const defaultTtlSeconds = 86_400;
export const maxTtlSeconds = 90 * 86_400;

/**
 * @param pem PKCS#10 (RFC 2986)
 * @param sender the identity that authentication established; the request may name it as its one SAN, or none, and nothing else
 */
export async function checkRequest(pem: string, sender: WorkloadId): Promise<CheckedRequest> {
  const request = parseRequest(pem);
  if (!(await request.verify().catch(() => false))) throw refused('its signature does not fit its key');
  checkKey(request.publicKey);
  const wanted = formatWorkloadId(sender);
  for (const extension of request.extensions) {
    if (extension.type === basicConstraintsOid && (extension as x509.BasicConstraintsExtension).ca)
      throw refused('it asks for an authority');
  }
  const names = request.extensions
    .filter((extension) => extension.type === sanOid)
    .flatMap((extension) => [...(extension as x509.SubjectAlternativeNameExtension).names.items]);
  const foreign = names.find((name) => name.type !== 'url' || name.value !== wanted);
  if (foreign !== undefined) throw refused(`it asks for ${foreign.type} "${foreign.value}", but its sender is "${wanted}"`);
  if (names.length > 1) throw refused('it names its identity more than once');
  return { id: sender, publicKey: request.publicKey };
}

/**
 * @param ttlSeconds asked for; at most 90 days and never past the intermediate's own end. Default 24 h
 */
export async function signWorkload(
  request: CheckedRequest,
  authority: Authority,
  edges: SigningEdges,
  ttlSeconds = defaultTtlSeconds,
): Promise<WorkloadCertificate> {
  if (!(ttlSeconds >= 60 && ttlSeconds <= maxTtlSeconds)) throw refused(`it asks for ${ttlSeconds} s: expected 60 to ${maxTtlSeconds}`);
  const issuer = new x509.X509Certificate(authority.intermediate.certificatePem);
  const now = edges.now().getTime();
  const notBefore = new Date(now - backdateMs);
  const notAfter = new Date(Math.min(now + ttlSeconds * 1000, issuer.notAfter.getTime()));
  if (notAfter.getTime() <= now)
    throw new IdentityError('bad-authority', `The signing certificate ended at ${issuer.notAfter.toISOString()}`);
  const { clientAuth, serverAuth } = x509.ExtendedKeyUsage;
  const leaf = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(edges.randomBytes),
    subject: [],
    issuer: issuer.subjectName,
    notBefore,
    notAfter,
    signingAlgorithm: await signatureAlgorithm(issuer),
    publicKey: request.publicKey,
    signingKey: await importKey(authority.intermediate.privateKeyPem),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment, true),
      new x509.ExtendedKeyUsageExtension([serverAuth, clientAuth]),
      // Critical because the subject is empty (RFC 5280 §4.2.1.6).
      new x509.SubjectAlternativeNameExtension([{ type: 'url', value: formatWorkloadId(request.id) }], true),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
    ],
  });
  return { chainPem: [certificatePem(leaf), authority.intermediate.certificatePem, ...authority.chainPem].join(''), notBefore, notAfter };
}

async function signatureAlgorithm(issuer: x509.X509Certificate) {
  return issuer.publicKey.algorithm.name === 'ECDSA' ? ecdsa : { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
}

function parseRequest(pem: string): x509.Pkcs10CertificateRequest {
  if (pem.length > 65_536) throw refused('it is over 64 KiB');
  try {
    return new x509.Pkcs10CertificateRequest(pem);
  } catch (cause) {
    throw new IdentityError('bad-csr', 'The certificate request cannot be read: expected PKCS#10 as PEM', { cause });
  }
}

/** P-256 or stronger, or RSA of 2048 to 8192 bits. */
function checkKey(key: x509.PublicKey) {
  const algorithm = key.algorithm as { name: string; namedCurve?: string; modulusLength?: number };
  if (algorithm.name === 'ECDSA' && /^P-(256|384|521)$/.test(algorithm.namedCurve ?? '')) return;
  const bits = algorithm.modulusLength ?? 0;
  if (algorithm.name.startsWith('RSA') && bits >= 2048 && bits <= 8192) return;
  throw refused(
    `its key is ${algorithm.name} ${algorithm.namedCurve ?? `of ${bits} bits`}: expected P-256 or stronger, or RSA of 2048 to 8192 bits`,
  );
}

function refused(why: string): IdentityError {
  return new IdentityError('bad-csr', `The certificate request is refused: ${why}`);
}
