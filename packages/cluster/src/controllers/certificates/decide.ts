/** Which certificate requests are what their signer stands for (kube-controller-manager, csrapproving and csrsigning). Pure. */
import type { RequestedSubject } from '../../contract.ts';

export const Signer = {
  client: 'kubernetes.io/kube-apiserver-client',
  kubeletClient: 'kubernetes.io/kube-apiserver-client-kubelet',
  kubeletServing: 'kubernetes.io/kubelet-serving',
} as const;

/** Why a signer will not sign; undefined when it will, or when it is none of ours (then `isOurs` says so). */
export function signingFault(signerName: string, subject: RequestedSubject, usages: readonly string[]): string | undefined {
  switch (signerName) {
    case Signer.client:
      return clientUsageFault(usages);
    case Signer.kubeletClient:
      return kubeletClientFault(subject, usages);
    case Signer.kubeletServing:
      return kubeletServingFault(subject, usages);
    default:
      return undefined;
  }
}

export function isOurs(signerName: string): boolean {
  return Object.values(Signer).some((name) => name === signerName);
}

function clientUsageFault(usages: readonly string[]): string | undefined {
  const foreign = usages.find((usage) => !['digital signature', 'key encipherment', 'client auth'].includes(usage));
  if (foreign !== undefined) return `invalid usage for client certificate: ${foreign}`;
  return usages.includes('client auth') ? undefined : 'missing required usage for client certificate: client auth';
}

const sameSet = (a: readonly string[], b: readonly string[]) => a.length === b.length && b.every((one) => a.includes(one));
const isNodes = ({ organizations }: RequestedSubject) => sameSet(organizations, ['system:nodes']);

function usageFault(usages: readonly string[], auth: string): string | undefined {
  const wanted = ['digital signature', 'key encipherment', auth].sort();
  if (sameSet(usages, wanted) || sameSet(usages, ['digital signature', auth])) return undefined;
  return `usages did not match [${wanted.join(' ')}]`;
}

function kubeletClientFault(subject: RequestedSubject, usages: readonly string[]): string | undefined {
  if (!isNodes(subject)) return 'subject organization is not system:nodes';
  if (subject.dnsNames.length > 0) return 'DNS subjectAltNames are not allowed';
  if (subject.emails.length > 0) return 'Email subjectAltNames are not allowed';
  if (subject.ipAddresses.length > 0) return 'IP subjectAltNames are not allowed';
  if (subject.uris.length > 0) return 'URI subjectAltNames are not allowed';
  if (!subject.commonName.startsWith('system:node:')) return 'subject common name does not begin with system:node:';
  return usageFault(usages, 'client auth');
}

function kubeletServingFault(subject: RequestedSubject, usages: readonly string[]): string | undefined {
  if (!isNodes(subject)) return 'subject organization is not system:nodes';
  if (subject.dnsNames.length + subject.ipAddresses.length === 0) return 'DNS or IP subjectAltName is required';
  if (subject.emails.length > 0) return 'Email subjectAltNames are not allowed';
  if (subject.uris.length > 0) return 'URI subjectAltNames are not allowed';
  if (!subject.commonName.startsWith('system:node:')) return 'subject common name does not begin with system:node:';
  return usageFault(usages, 'server auth');
}

/** What the one who asked must be allowed to create for the request to be approved without a person, likeliest first. */
export function autoApprovals(signerName: string, subject: RequestedSubject, usages: readonly string[], username: string): Approval[] {
  if (signerName !== Signer.kubeletClient || kubeletClientFault(subject, usages) !== undefined) return [];
  const any: Approval = { subresource: 'nodeclient', message: 'Auto approving kubelet client certificate after SubjectAccessReview.' };
  const self: Approval = {
    subresource: 'selfnodeclient',
    message: 'Auto approving self kubelet client certificate after SubjectAccessReview.',
  };
  return username === subject.commonName ? [self, any] : [any];
}

export interface Approval {
  readonly subresource: string;
  readonly message: string;
}
