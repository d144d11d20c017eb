/** An authority as a Secret holds it: `cacerts` brought by the user, or `istio-ca-secret`, which is the mesh's own. Keys as in Istio. */
import { createHash, X509Certificate } from 'node:crypto';
import { type Authority, createAuthority, IdentityError, loadAuthority, type SigningEdges } from '@palisade/identity';
import { type ApiClient, isStatusError, type KubernetesObject } from '@palisade/kubernetes';

const secrets = { group: '', version: 'v1', resource: 'secrets' };
const broughtName = 'cacerts';
const ownName = 'istio-ca-secret';
/** What is asked of the own authority, and what was last done. */
const rotateName = 'palisade.dev/rotate';
const rotatedName = 'palisade.dev/rotated';

export type AuthoritySource = typeof broughtName | typeof ownName;

export interface StoredAuthority {
  readonly source: AuthoritySource;
  readonly authority: Authority;
  /** Every root of `root-cert.pem`, the signing one's among them. */
  readonly roots: readonly Root[];
  /** The own authority before its last rotation: it signs while the new root is being distributed. */
  readonly previous?: Authority;
}

export interface Root {
  readonly fingerprint: string;
  readonly certificatePem: string;
}

export interface AuthorityStore {
  /** The one that is to sign: the user's when there is one. The own one is made when missing, and anew when that was asked for. */
  read(): Promise<StoredAuthority>;
}

export function rootOf(certificatePem: string): Root {
  return { certificatePem, fingerprint: createHash('sha256').update(new X509Certificate(certificatePem).raw).digest('hex') };
}

export function createAuthorityStore(client: ApiClient, namespace: string, trustDomain: () => string, edges: SigningEdges): AuthorityStore {
  const find = async (name: string): Promise<KubernetesObject | undefined> => {
    try {
      return await client.get(secrets, { namespace, name });
    } catch (error) {
      if (isStatusError(error, 'NotFound')) return undefined;
      throw error;
    }
  };
  const make = async (): Promise<KubernetesObject> => {
    const { authority } = await createAuthority(trustDomain(), edges);
    return client.create(secrets, {
      apiVersion: 'v1',
      kind: 'Secret',
      type: 'istio.io/ca-root',
      metadata: { namespace, name: ownName },
      data: renderData(authority, ''),
    });
  };
  const rotate = async (secret: KubernetesObject): Promise<KubernetesObject> => {
    const { authority: old } = readSecret(secret, ownName, edges.now());
    const { authority } = await createAuthority(trustDomain(), edges);
    const { annotations = {} } = secret.metadata;
    return client.update(secrets, {
      ...secret,
      // The resource version that was read goes with it: of two replicas one rotates.
      metadata: { ...secret.metadata, annotations: { ...annotations, [rotatedName]: annotations[rotateName]! } },
      data: { ...renderData(authority, ''), ...renderData(old, 'previous-') },
    });
  };
  return {
    async read() {
      const brought = await find(broughtName);
      if (brought !== undefined) return readSecret(brought, broughtName, edges.now());
      try {
        const own = (await find(ownName)) ?? (await make());
        const { [rotateName]: wanted, [rotatedName]: done } = own.metadata.annotations ?? {};
        return readSecret(wanted === undefined || wanted === done ? own : await rotate(own), ownName, edges.now());
      } catch (error) {
        // Another replica was first: everybody signs with the one that is stored.
        if (!isStatusError(error, 'AlreadyExists') && !isStatusError(error, 'Conflict')) throw error;
        return readSecret((await find(ownName))!, ownName, edges.now());
      }
    },
  };
}

/** @throws IdentityError saying what is wrong with it */
export function readSecret(secret: KubernetesObject, source: AuthoritySource, now: Date): StoredAuthority {
  const data = (secret['data'] ?? {}) as Readonly<Record<string, string>>;
  const { authority, roots } = readData(data, '', now);
  if (data['previous-ca-cert.pem'] === undefined) return { source, authority, roots };
  try {
    return { source, authority, roots, previous: readData(data, 'previous-', now).authority };
  } catch {
    // It has ended since.
    return { source, authority, roots };
  }
}

function readData(data: Readonly<Record<string, string>>, prefix: string, now: Date) {
  const text = (key: string) => Buffer.from(data[prefix + key] ?? '', 'base64').toString('utf8');
  const certificatePem = text('ca-cert.pem');
  const rootPems = splitPem(text('root-cert.pem'));
  // Istio's `cert-chain.pem` begins with the signing certificate and may end with the root.
  const others = [certificatePem, ...rootPems].map((pem) => pem.trim());
  const chainPem = splitPem(text('cert-chain.pem')).filter((pem) => !others.includes(pem.trim()));
  const intermediate = { certificatePem, privateKeyPem: text('ca-key.pem') };
  let problem: unknown = new IdentityError('bad-authority', `"${prefix}root-cert.pem" holds no certificate`);
  for (const rootPem of rootPems) {
    try {
      return { authority: loadAuthority({ intermediate, chainPem, rootPem }, now), roots: rootPems.map(rootOf) };
    } catch (error) {
      problem = error;
    }
  }
  throw problem;
}

function renderData({ intermediate, chainPem, rootPem }: Authority, prefix: string): Record<string, string> {
  const data = {
    'ca-cert.pem': intermediate.certificatePem,
    'ca-key.pem': intermediate.privateKeyPem,
    'cert-chain.pem': chainPem.join(''),
    'root-cert.pem': rootPem,
  };
  return Object.fromEntries(Object.entries(data).map(([key, text]) => [prefix + key, Buffer.from(text).toString('base64')]));
}

function splitPem(text: string): string[] {
  return text.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----\n?/g) ?? [];
}
