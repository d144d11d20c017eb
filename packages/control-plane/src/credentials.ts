/**
 * Certificates that Gateways name, from Secrets of the gateway's own namespace, for pods whose service account may read Secrets there
 * (as in Istio: SubjectAccessReview, verb `list`). Whoever may not, or cannot be asked about, gets nothing.
 */
import type { ApiClient, KubernetesObject } from '@palisade/kubernetes';
import { createInformer, type Informer } from '@palisade/kubernetes/client';
import { type Credential, renderCredential, type Workload } from '@palisade/mesh/traffic';
import type { Secret } from '@palisade/xds/api/envoy/extensions/transport_sockets/tls/v3/secret';

export interface Credentials {
  /** What is known now; what is found out later is told by `changed`. */
  secretsFor(workload: Workload, wanted: readonly Credential[]): Secret[];
}

export interface CredentialEdges {
  readonly client: ApiClient;
  readonly signal: AbortSignal;
  now(): Date;
  log(message: string): void;
  /** A Secret or a right is another than before. */
  changed(): void;
}

/** An answer about a service account's rights is checked again when it is used after this time; until then, and meanwhile, it holds. */
const askAgainMs = 30_000;

export function createCredentials({ client, signal, now, log, changed }: CredentialEdges): Credentials {
  const informers = new Map<string, Informer>();
  const rights = new Map<string, { isAllowed: boolean; askedAt: number; isAsking: boolean }>();
  const secretsOf = (namespace: string): Informer => {
    const known = informers.get(namespace);
    if (known !== undefined) return known;
    const informer = createInformer(
      client,
      { group: '', version: 'v1', resource: 'secrets' },
      { namespace, onError: (error) => log(`secrets of ${namespace}: ${String(error)}`) },
    );
    informers.set(namespace, informer);
    informer.onChange(changed);
    informer.start(signal);
    return informer;
  };
  const mayRead = ({ namespace, serviceAccount }: Workload): boolean => {
    const user = `system:serviceaccount:${namespace}:${serviceAccount}`;
    const right = rights.get(user) ?? { isAllowed: false, askedAt: Number.NEGATIVE_INFINITY, isAsking: false };
    rights.set(user, right);
    if (now().getTime() - right.askedAt > askAgainMs && !right.isAsking) {
      right.isAsking = true;
      void ask(client, user, namespace).then(
        (isAllowed) => {
          const isNews = isAllowed !== right.isAllowed;
          Object.assign(right, { isAllowed, askedAt: now().getTime(), isAsking: false });
          if (isNews) changed();
        },
        (error) => {
          right.isAsking = false;
          log(`rights of ${user}: ${String(error)}`);
        },
      );
    }
    return right.isAllowed;
  };
  return {
    secretsFor(workload, wanted) {
      if (wanted.length === 0) return [];
      const secrets = secretsOf(workload.namespace);
      if (!mayRead(workload)) return [];
      const dataOf = (name: string) => decode(secrets.get(`${workload.namespace}/${name}`));
      return wanted.flatMap((credential) => renderCredential(credential, dataOf));
    },
  };
}

async function ask(client: ApiClient, user: string, namespace: string): Promise<boolean> {
  const review = await client.create(
    { group: 'authorization.k8s.io', version: 'v1', resource: 'subjectaccessreviews' },
    {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      metadata: {},
      spec: {
        user,
        groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
        resourceAttributes: { namespace, verb: 'list', resource: 'secrets' },
      },
    },
  );
  return (review['status'] as { allowed?: boolean } | undefined)?.allowed === true;
}

function decode(secret: KubernetesObject | undefined): Record<string, string> | undefined {
  if (secret === undefined) return undefined;
  const data = Object.entries((secret['data'] ?? {}) as Record<string, string>);
  return Object.fromEntries(data.map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')]));
}
