/** SPIFFE ids (SPIFFE-ID standard §2) in Istio's layout `spiffe://<trust domain>/ns/<namespace>/sa/<service account>`. */
import { IdentityError } from './identity-error.ts';

export interface WorkloadId {
  readonly trustDomain: string;
  readonly namespace: string;
  readonly serviceAccount: string;
}

/** §2.1: lower case; §2.3: 255 bytes. */
const trustDomainPattern = /^[a-z0-9._-]{1,255}$/;
/** DNS-1123 subdomain, as Kubernetes names namespaces (63) and service accounts (253). */
const namePattern = /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/;

/** Refuses anything that is not exactly a workload's id: upper case, other paths, ports, queries, escapes. */
export function parseWorkloadId(text: string): WorkloadId {
  const match = /^spiffe:\/\/([^/]+)\/ns\/([^/]+)\/sa\/([^/]+)$/.exec(text);
  if (match === null || text.length > 2048) {
    throw new IdentityError(
      'bad-spiffe-id',
      `Cannot parse SPIFFE id "${text.slice(0, 200)}": expected spiffe://TRUST-DOMAIN/ns/NAMESPACE/sa/SERVICE-ACCOUNT`,
    );
  }
  return checkWorkloadId({ trustDomain: match[1]!, namespace: match[2]!, serviceAccount: match[3]! });
}

export function formatWorkloadId(id: WorkloadId): string {
  checkWorkloadId(id);
  return `spiffe://${id.trustDomain}/ns/${id.namespace}/sa/${id.serviceAccount}`;
}

function checkWorkloadId(id: WorkloadId): WorkloadId {
  check('trust domain', id.trustDomain, trustDomainPattern);
  check('namespace', id.namespace, namePattern);
  check('service account', id.serviceAccount, namePattern);
  return id;
}

function check(what: string, value: string, pattern: RegExp) {
  if (pattern.test(value)) return;
  throw new IdentityError(
    'bad-spiffe-id',
    `Cannot use "${value.slice(0, 200)}" as ${what}: expected lower-case letters, digits, "-" and "."`,
  );
}
