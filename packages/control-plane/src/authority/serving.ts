/** The certificate of our own servers: renewed at half of its life and whenever another authority signs, without closing a connection. */
import { type Authority, type SigningEdges, signServer } from '@palisade/identity';

const ttlSeconds = 30 * 86_400;

export interface ServingTls {
  readonly cert: string;
  readonly key: string;
  readonly minVersion: 'TLSv1.2';
}

export interface ServingCertificate {
  current(): ServingTls;
  /** Signs anew when it is time, or when `authority` is not the one that signed. @returns whether it did */
  refresh(authority: Authority): Promise<boolean>;
}

export async function createServingCertificate(
  names: readonly string[],
  authority: Authority,
  edges: SigningEdges,
): Promise<ServingCertificate> {
  const make = async (signer: Authority) => {
    const { certificatePem, privateKeyPem, notAfter } = await signServer(names, signer, edges, ttlSeconds);
    const now = edges.now().getTime();
    return {
      signer,
      tls: { cert: certificatePem, key: privateKeyPem, minVersion: 'TLSv1.2' as const },
      renewAtMs: now + (notAfter.getTime() - now) / 2,
    };
  };
  let held = await make(authority);
  return {
    current: () => held.tls,
    async refresh(signer) {
      const isSame = signer.intermediate.certificatePem === held.signer.intermediate.certificatePem;
      if (isSame && edges.now().getTime() < held.renewAtMs) return false;
      held = await make(signer);
      return true;
    },
  };
}
