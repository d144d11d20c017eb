/** Who a peer is, from a certificate that TLS has already chained to a trust anchor. */
import type { X509Certificate } from 'node:crypto';
import { parseWorkloadId, type WorkloadId } from './spiffe-id.ts';
import { isTrustedDomain, type TrustDomains } from './trust-domain.ts';

export type PeerIdentity =
  | { readonly ok: true; readonly id: WorkloadId; readonly uri: string }
  | { readonly ok: false; readonly reason: string };

/** An X.509-SVID has exactly one URI name (X.509-SVID §2); anything else, and an authority's certificate, is nobody. */
export function identifyPeer(certificate: Pick<X509Certificate, 'subjectAltName' | 'ca'>, domains: TrustDomains): PeerIdentity {
  if (certificate.ca) return { ok: false, reason: 'the certificate is an authority’s' };
  const names = (certificate.subjectAltName ?? '').split(', ');
  const uris = names.filter((name) => name.startsWith('URI:'));
  // Node quotes a name that holds a comma, a quote or a control character; no workload id does.
  if (names.some((name) => name.includes('"'))) return { ok: false, reason: 'the certificate holds a name with quoted characters' };
  if (uris.length !== 1) return { ok: false, reason: `the certificate holds ${uris.length} URI names, expected 1` };
  const uri = uris[0]!.slice('URI:'.length);
  try {
    const id = parseWorkloadId(uri);
    if (!isTrustedDomain(id.trustDomain, domains)) return { ok: false, reason: `trust domain "${id.trustDomain}" is not this mesh’s` };
    return { ok: true, id, uri };
  } catch (error) {
    return { ok: false, reason: (error as Error).message };
  }
}

/** Secure naming: the service accounts behind a destination are the only ones that may answer for it. An empty list admits nobody. */
export function admitsServer(identity: PeerIdentity, expected: readonly string[]): boolean {
  return identity.ok && expected.includes(identity.uri);
}
