/** The mesh's authority, kept as Secret `istio-ca-secret` of the root namespace; a user's own (`cacerts`) comes before it. */
import { type Authority, createAuthority, loadAuthority, type SigningEdges } from '@palisade/identity';
import { type ApiClient, isStatusError, type KubernetesObject } from '@palisade/kubernetes';

const secrets = { group: '', version: 'v1', resource: 'secrets' };
const ownName = 'istio-ca-secret';

export async function loadOrCreateAuthority(
  client: ApiClient,
  namespace: string,
  trustDomain: string,
  edges: SigningEdges,
): Promise<Authority> {
  const brought = await read(client, namespace, 'cacerts');
  if (brought !== undefined) return loadAuthority(brought, edges.now());
  const known = await read(client, namespace, ownName);
  if (known !== undefined) return loadAuthority(known, edges.now());
  const { authority } = await createAuthority(trustDomain, edges);
  const data = {
    'ca-cert.pem': authority.intermediate.certificatePem,
    'ca-key.pem': authority.intermediate.privateKeyPem,
    'cert-chain.pem': authority.chainPem.join(''),
    'root-cert.pem': authority.rootPem,
  };
  try {
    await client.create(secrets, {
      apiVersion: 'v1',
      kind: 'Secret',
      type: 'istio.io/ca-root',
      metadata: { namespace, name: ownName },
      data: Object.fromEntries(Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString('base64')])),
    });
    return authority;
  } catch (error) {
    // Another replica was first: everybody signs with the one that is stored.
    if (!isStatusError(error, 'AlreadyExists')) throw error;
    return loadOrCreateAuthority(client, namespace, trustDomain, edges);
  }
}

async function read(client: ApiClient, namespace: string, name: string): Promise<Authority | undefined> {
  let secret: KubernetesObject;
  try {
    secret = await client.get(secrets, { namespace, name });
  } catch (error) {
    if (isStatusError(error, 'NotFound')) return undefined;
    throw error;
  }
  const text = (key: string) =>
    Buffer.from(String((secret['data'] as Record<string, string> | undefined)?.[key] ?? ''), 'base64').toString('utf8');
  const chain = text('cert-chain.pem').match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----\n?/g) ?? [];
  const certificatePem = text('ca-cert.pem');
  const rootPem = text('root-cert.pem');
  return {
    intermediate: { certificatePem, privateKeyPem: text('ca-key.pem') },
    // Istio's `cert-chain.pem` begins with the signing certificate and may end with the root.
    chainPem: chain.filter((pem) => pem.trim() !== certificatePem.trim() && pem.trim() !== rootPem.trim()),
    rootPem,
  };
}
