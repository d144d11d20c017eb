/** Key sets by URL: fetched, kept, refreshed. What cannot be had or read is absent, so that its issuer's tokens are refused. */
import { parseJwks } from '../jwt.ts';
import { blocks, refuseJwksAddress, refuseJwksUri } from './jwks-target.ts';

export interface JwksEdges {
  readonly now: () => Date;
  readonly resolve: (host: string) => Promise<readonly string[]>;
  /** One GET to this address, whatever the URL's host resolves to by now. Follows no redirect. */
  readonly get: (url: URL, address: string) => Promise<{ readonly status: number; readonly body: string }>;
}

export interface JwksSource {
  /** The key set as JSON; undefined while or when it cannot be had. Never fetches. */
  find(uri: string): string | undefined;
  /**
   * Fetches what is wanted and old, forgets what is no longer wanted.
   *
   * @returns whether any key set changed
   */
  refresh(wanted: readonly string[]): Promise<boolean>;
  /** Why a key set is absent or old. */
  problems(): ReadonlyMap<string, string>;
}

interface Entry {
  readonly keys: string | undefined;
  readonly fetchedAt: number;
  readonly triedAt: number;
  readonly problem: string | undefined;
  /** The networks it was judged by. */
  readonly allowed: string;
}

/** Istio's refresh of key sets; after a failure sooner. */
const freshMs = 20 * 60_000;
const retryMs = 10_000;
/** Keys older than that are given up: an issuer that cannot be asked for so long may have revoked them. */
const staleMs = 24 * 3_600_000;

/** @param allowed inner networks (CIDR), asked anew at each refresh: the operator may change them, and what failed is then tried at once */
export function createJwksSource(edges: JwksEdges, allowed: () => readonly string[]): JwksSource {
  const entries = new Map<string, Entry>();
  const isDue = (entry: Entry | undefined, now: number) =>
    entry === undefined ||
    now - entry.triedAt >= (entry.problem === undefined ? freshMs : retryMs) ||
    (entry.problem !== undefined && entry.allowed !== allowed().join());

  async function fetchOne(uri: string): Promise<boolean> {
    const known = entries.get(uri);
    const now = edges.now().getTime();
    const networks = allowed();
    const judgedBy = networks.join();
    try {
      const keys = await fetchKeys(uri, edges, networks);
      entries.set(uri, { keys, fetchedAt: now, triedAt: now, problem: undefined, allowed: judgedBy });
      return keys !== known?.keys;
    } catch (error) {
      const isStale = known?.keys !== undefined && now - known.fetchedAt >= staleMs;
      entries.set(uri, {
        keys: isStale ? undefined : known?.keys,
        fetchedAt: known?.fetchedAt ?? 0,
        triedAt: now,
        problem: (error as Error).message,
        allowed: judgedBy,
      });
      return isStale;
    }
  }

  return {
    find: (uri) => entries.get(uri)?.keys,
    async refresh(wanted) {
      for (const uri of [...entries.keys()]) if (!wanted.includes(uri)) entries.delete(uri);
      const now = edges.now().getTime();
      const due = [...new Set(wanted)].filter((uri) => isDue(entries.get(uri), now));
      return (await Promise.all(due.map(fetchOne))).includes(true);
    },
    problems: () => new Map([...entries].flatMap(([uri, { problem }]) => (problem === undefined ? [] : [[uri, problem]]))),
  };
}

/** Every address is judged, and one judged good is the one connected to: a name that changes its answer in between gains nothing. */
async function fetchKeys(uri: string, edges: JwksEdges, networks: readonly string[]): Promise<string> {
  const refusal = refuseJwksUri(uri);
  if (refusal !== undefined) throw new Error(refusal);
  const url = new URL(uri);
  const addresses = await edges.resolve(url.hostname.replace(/^\[|\]$/g, ''));
  const allowed = blocks(networks);
  const verdicts = addresses.map((address) => refuseJwksAddress(address, allowed));
  const bad = verdicts.find((verdict) => verdict !== undefined);
  if (bad !== undefined) throw new Error(bad);
  if (addresses.length === 0) throw new Error(`${url.hostname} has no address`);
  const { status, body } = await edges.get(url, addresses[0]!);
  if (status !== 200) throw new Error(`${uri} answered ${status}`);
  return JSON.stringify(await parseJwks(body));
}
