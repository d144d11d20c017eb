/** Certificates of the mesh's own servers, known by DNS names. */
import { type Authority, backdateMs, importKey, type KeyedCertificate, type SigningEdges } from './authority.ts';
import { certificatePem, ecdsa, generateKeys, privateKeyPem, serialNumber, x509 } from './x509-setup.ts';

/** @returns the leaf with what lies between it and the root, and its key */
export async function signServer(
  names: readonly string[],
  authority: Authority,
  edges: SigningEdges,
  ttlSeconds: number,
): Promise<KeyedCertificate & { readonly notAfter: Date }> {
  const issuer = new x509.X509Certificate(authority.intermediate.certificatePem);
  const keys = await generateKeys();
  const now = edges.now().getTime();
  const notAfter = new Date(Math.min(now + ttlSeconds * 1000, issuer.notAfter.getTime()));
  const leaf = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(edges.randomBytes),
    subject: [{ CN: [names[0]!] }],
    issuer: issuer.subjectName,
    notBefore: new Date(now - backdateMs),
    notAfter,
    signingAlgorithm: issuer.publicKey.algorithm.name === 'ECDSA' ? ecdsa : { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
    publicKey: keys.publicKey,
    signingKey: await importKey(authority.intermediate.privateKeyPem),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(names.map((value) => ({ type: 'dns' as const, value }))),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
    ],
  });
  const chain = [certificatePem(leaf), authority.intermediate.certificatePem, ...authority.chainPem].join('');
  return { certificatePem: chain, privateKeyPem: await privateKeyPem(keys.privateKey), notAfter };
}
