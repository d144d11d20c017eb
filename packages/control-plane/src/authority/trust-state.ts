/** How far a change of the root has come: what is kept in ConfigMap `istio-ca-bundle`, key `bundle.json`, for replicas and for people. */
import { addRoot, createBundle, dropRetired, IdentityError, signWith, type TrustBundle } from '@palisade/identity';
import type { AuthoritySource, Root } from './secret.ts';

export interface TrustState {
  readonly source: AuthoritySource;
  readonly bundle: TrustBundle;
}

export interface WantedTrust {
  readonly source: AuthoritySource;
  /** That shall sign. */
  readonly root: Root;
  readonly roots: readonly Root[];
}

/** The longest life of a workload's certificate, and what clocks may differ. */
const longestLifeMs = 25 * 3_600_000;

/**
 * One step, as far as time allows: a new root is added, signs after `distributionMs`, and the one before goes when nothing under it can be
 * valid any more. Roots that the user only wants trusted come and go with the Secret.
 */
export function advanceTrust(state: TrustState | undefined, wanted: WantedTrust, now: Date, distributionMs: number): TrustState {
  const fresh = (root: Root) => ({ ...root, addedAt: now });
  const known = state?.bundle ?? createBundle(fresh(wanted.root));
  const isNeeded = (fingerprint: string) => wanted.roots.some((root) => root.fingerprint === fingerprint);
  const kept: TrustBundle = {
    ...known,
    roots: known.roots.filter((root) => root.fingerprint === known.signing || root.retiredAt !== undefined || isNeeded(root.fingerprint)),
  };
  const all = [wanted.root, ...wanted.roots].reduce((bundle, root) => addRoot(bundle, fresh(root)), kept);
  const readyAt = signsFrom({ source: wanted.source, bundle: all }, wanted.root, distributionMs);
  const isReady = readyAt !== undefined && readyAt <= now;
  const signed = isReady ? signWith(all, wanted.root.fingerprint, now, distributionMs) : all;
  return { source: wanted.source, bundle: dropRetired(signed, now, longestLifeMs) };
}

/** @returns when the wanted root begins to sign; undefined when it does */
export function signsFrom({ bundle }: TrustState, wanted: Root, distributionMs: number): Date | undefined {
  if (bundle.signing === wanted.fingerprint) return undefined;
  const added = bundle.roots.find((root) => root.fingerprint === wanted.fingerprint)?.addedAt;
  return added === undefined ? undefined : new Date(added.getTime() + distributionMs);
}

export function renderTrustState(state: TrustState, from: Date | undefined): string {
  return JSON.stringify({ source: state.source, ...state.bundle, ...(from === undefined ? {} : { signsFrom: from }) }, undefined, 2);
}

/** @throws IdentityError when the text is not what `renderTrustState` writes */
export function parseTrustState(text: string): TrustState {
  try {
    const { source, signing, roots } = JSON.parse(text) as {
      source: AuthoritySource;
      signing: string;
      roots: { fingerprint: string; certificatePem: string; addedAt: string; retiredAt?: string }[];
    };
    const read = roots.map(({ addedAt, retiredAt, ...root }) => ({
      ...root,
      addedAt: readTime(addedAt),
      ...(retiredAt === undefined ? {} : { retiredAt: readTime(retiredAt) }),
    }));
    if (!read.some(({ fingerprint }) => fingerprint === signing)) throw new Error(`the signing root ${signing} is not among the roots`);
    return { source, bundle: { signing, roots: read } };
  } catch (cause) {
    throw new IdentityError('bad-bundle', `bundle.json cannot be read: ${(cause as Error).message}`, { cause });
  }
}

function readTime(text: string): Date {
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) throw new Error(`"${text}" is no time`);
  return time;
}
