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

/** Istio's SECRET_GRACE_PERIOD_RATIO: the part of a certificate's life that is left when it is renewed. */
export const defaultGraceRatio = 0.5;

/**
 * When to renew: with `graceRatio` of the life left that it had when it came, moved by up to a hundredth of it either way so that pods
 * started together do not come back together. The life does not begin at `notBefore`, which lies back for clocks that are slow.
 *
 * @param random uniform in [0, 1)
 */
export function renewalTime(
  certificate: { readonly receivedAt: Date; readonly notAfter: Date },
  random: () => number,
  graceRatio = defaultGraceRatio,
): Date {
  const { receivedAt, notAfter } = certificate;
  const lifeMs = notAfter.getTime() - receivedAt.getTime();
  return new Date(notAfter.getTime() - lifeMs * (graceRatio + (random() * 2 - 1) * 0.01));
}
