/**
 * Trust anchors through a rotation of the root. Three steps, each safe to repeat and each only after the one before has reached
 * everybody: distribute the new root, sign with it, drop the old one when no certificate under it can still be valid.
 */
import { IdentityError } from './identity-error.ts';

export interface TrustBundle {
  /** Trust anchors that peers must accept, newest last. */
  readonly roots: readonly TrustedRoot[];
  /** Fingerprint of the root that signs now. */
  readonly signing: string;
}

export interface TrustedRoot {
  /** SHA-256 of the certificate, lower-case hex. */
  readonly fingerprint: string;
  readonly certificatePem: string;
  readonly addedAt: Date;
  /** When it stopped signing; absent while it signs or has not signed yet. */
  readonly retiredAt?: Date;
}

export function createBundle(root: Omit<TrustedRoot, 'retiredAt'>): TrustBundle {
  return { roots: [root], signing: root.fingerprint };
}

/** Step 1. A root that is already there changes nothing. */
export function addRoot(bundle: TrustBundle, root: Omit<TrustedRoot, 'retiredAt'>): TrustBundle {
  if (bundle.roots.some((known) => known.fingerprint === root.fingerprint)) return bundle;
  return { ...bundle, roots: [...bundle.roots, root] };
}

/**
 * Step 2.
 *
 * @param distributionMs how long a bundle takes to reach every proxy; signing with a root earlier would cut connections
 */
export function signWith(bundle: TrustBundle, fingerprint: string, now: Date, distributionMs: number): TrustBundle {
  const next = bundle.roots.find((root) => root.fingerprint === fingerprint);
  if (next === undefined) throw new IdentityError('bad-bundle', `Root ${fingerprint.slice(0, 16)} is not in the bundle: add it first`);
  if (bundle.signing === fingerprint) return bundle;
  const readyAt = next.addedAt.getTime() + distributionMs;
  if (now.getTime() < readyAt) {
    throw new IdentityError(
      'bad-bundle',
      `Root ${fingerprint.slice(0, 16)} may sign from ${new Date(readyAt).toISOString()}: not every proxy trusts it yet`,
    );
  }
  const roots = bundle.roots.map((root) => {
    if (root.fingerprint === bundle.signing) return { ...root, retiredAt: now };
    if (root.fingerprint !== fingerprint) return root;
    const { retiredAt: _, ...active } = root;
    return active;
  });
  return { roots, signing: fingerprint };
}

/**
 * Step 3.
 *
 * @param maxTtlMs the longest life of a certificate signed by any root
 */
export function dropRetired(bundle: TrustBundle, now: Date, maxTtlMs: number): TrustBundle {
  const roots = bundle.roots.filter((root) => root.retiredAt === undefined || root.retiredAt.getTime() + maxTtlMs > now.getTime());
  return roots.length === bundle.roots.length ? bundle : { ...bundle, roots };
}

/** The anchors as one PEM text, as SDS and ConfigMap `istio-ca-root-cert` carry them. */
export function renderBundle(bundle: TrustBundle): string {
  return bundle.roots.map((root) => `${root.certificatePem.trim()}\n`).join('');
}
