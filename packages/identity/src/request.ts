/** The agent's side: a key that stays where it is made, and the request that carries its public half. */
import { formatWorkloadId, type WorkloadId } from './spiffe-id.ts';
import { ecdsa, generateKeys, privateKeyPem, x509 } from './x509-setup.ts';

export interface KeyAndRequest {
  readonly privateKeyPem: string;
  readonly csrPem: string;
}

export async function createKeyAndRequest(id: WorkloadId): Promise<KeyAndRequest> {
  const keys = await generateKeys();
  const csr = await x509.Pkcs10CertificateRequestGenerator.create({
    keys,
    signingAlgorithm: ecdsa,
    extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'url', value: formatWorkloadId(id) }], true)],
  });
  return { privateKeyPem: await privateKeyPem(keys.privateKey), csrPem: `${csr.toString('pem').trim()}\n` };
}

/**
 * When to renew: at half of the certificate's life, moved by up to a hundredth of it either way so that pods started together do not
 * come back together (Istio SECRET_GRACE_PERIOD_RATIO 0.5, jitter 0.01).
 *
 * @param random uniform in [0, 1)
 */
export function renewalTime(certificate: { readonly notBefore: Date; readonly notAfter: Date }, random: () => number): Date {
  const start = certificate.notBefore.getTime();
  const life = certificate.notAfter.getTime() - start;
  return new Date(start + life * (0.5 + (random() * 2 - 1) * 0.01));
}
