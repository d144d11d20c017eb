/** The authority that signs now and the anchors that everybody trusts, through changes of the root while everything runs. */
import { type Authority, renderBundle, type SigningEdges } from '@palisade/identity';
import { type ApiClient, isStatusError, type KubernetesObject, PatchType } from '@palisade/kubernetes';
import { createAuthorityStore, rootOf, type StoredAuthority } from './secret.ts';
import { advanceTrust, parseTrustState, renderTrustState, signsFrom, type TrustState } from './trust-state.ts';

const configMaps = { group: '', version: 'v1', resource: 'configmaps' };
const stateName = 'istio-ca-bundle';
const stateKey = 'bundle.json';

export interface AuthorityKeeper {
  /** Signs now. */
  authority(): Authority;
  /** Every root that peers must accept, as one PEM text. */
  anchorsPem(): string;
  /** When another root than now begins to sign; undefined when none waits. */
  signsFrom(): Date | undefined;
  /** A Secret changed, or time has passed. What cannot be read leaves everything as it is. */
  refresh(): Promise<void>;
  onChange(listener: () => void): void;
}

export interface KeeperOptions {
  readonly client: ApiClient;
  readonly namespace: string;
  trustDomain(): string;
  readonly edges: SigningEdges;
  /** How long a new root is given to reach every proxy. */
  distributionMs(): number;
  log(message: string): void;
}

interface Current {
  readonly authority: Authority;
  readonly anchorsPem: string;
  readonly signsFrom: Date | undefined;
}

/** @throws IdentityError when there is nothing to start with: a brought authority that cannot sign */
export async function createAuthorityKeeper(options: KeeperOptions): Promise<AuthorityKeeper> {
  const { client, namespace, edges, log } = options;
  const store = createAuthorityStore(client, namespace, options.trustDomain, edges);
  const listeners: (() => void)[] = [];

  async function look(before: Current | undefined): Promise<Current> {
    const stored = await store.read();
    const wanted = { source: stored.source, root: rootOf(stored.authority.rootPem), roots: stored.roots };
    const known = await readState(client, namespace, log);
    const distributionMs = options.distributionMs();
    let state = advanceTrust(known.state, wanted, edges.now(), distributionMs);
    let authority = signerOf(state, stored, before);
    if (authority === undefined) {
      log('the key that signed before is gone: the new root signs at once, before every proxy trusts it');
      state = advanceTrust(state, wanted, edges.now(), 0);
      authority = stored.authority;
    }
    const from = signsFrom(state, wanted.root, distributionMs);
    const text = renderTrustState(state, from);
    if (text !== known.text) await writeState(client, namespace, text);
    return { authority, anchorsPem: renderBundle(state.bundle), signsFrom: from };
  }

  let current = await look(undefined);
  let queue = Promise.resolve();
  return {
    authority: () => current.authority,
    anchorsPem: () => current.anchorsPem,
    signsFrom: () => current.signsFrom,
    onChange: (listener) => void listeners.push(listener),
    refresh() {
      queue = queue.then(async () => {
        try {
          const next = await look(current);
          const isSame =
            next.anchorsPem === current.anchorsPem &&
            next.authority.intermediate.certificatePem === current.authority.intermediate.certificatePem;
          current = next;
          if (!isSame) for (const listener of listeners) listener();
        } catch (error) {
          log(`the authority stays as it is: ${(error as Error).message}`);
        }
      });
      return queue;
    },
  };
}

/** @returns undefined when nobody here holds the key of the root that should still sign */
function signerOf({ bundle }: TrustState, stored: StoredAuthority, before: Current | undefined): Authority | undefined {
  const candidates = [stored.authority, stored.previous, before?.authority].filter((each) => each !== undefined);
  return candidates.find(({ rootPem }) => rootOf(rootPem).fingerprint === bundle.signing);
}

async function readState(client: ApiClient, namespace: string, log: (message: string) => void) {
  let map: KubernetesObject;
  try {
    map = await client.get(configMaps, { namespace, name: stateName });
  } catch (error) {
    if (isStatusError(error, 'NotFound')) return {};
    throw error;
  }
  const text = (map['data'] as Record<string, string> | undefined)?.[stateKey] ?? '';
  try {
    return { text, state: parseTrustState(text) };
  } catch (error) {
    log(`ConfigMap ${stateName} is written anew: ${(error as Error).message}`);
    return { text };
  }
}

async function writeState(client: ApiClient, namespace: string, text: string): Promise<void> {
  const data = { [stateKey]: text };
  try {
    await client.create(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name: stateName }, data });
  } catch (error) {
    if (!isStatusError(error, 'AlreadyExists')) throw error;
    await client.patch(configMaps, { namespace, name: stateName }, PatchType.merge, { data });
  }
}
