import { forbidden, invalid, type KubernetesObject, type StatusCause } from '@palisade/kubernetes';
import type { RequestedSubject } from '../../../contract.ts';
import { nodeOf } from '../../auth/node-authorizer.ts';
import type { Scope } from '../../core.ts';
import type { Strategy } from '../strategy.ts';
import { formatTime } from '../time.ts';

const CSRS = { group: 'certificates.k8s.io', resource: 'certificatesigningrequests' };
const KIND = { group: 'certificates.k8s.io', kind: 'CertificateSigningRequest' };
const CLIENT_SIGNER = 'kubernetes.io/kube-apiserver-client';
const NODE_SIGNERS = ['kubernetes.io/kube-apiserver-client-kubelet', 'kubernetes.io/kubelet-serving'];
const MIN_SECONDS = 600;

const USAGES = new Set([
  'signing',
  'digital signature',
  'content commitment',
  'key encipherment',
  'key agreement',
  'data encipherment',
  'cert sign',
  'crl sign',
  'encipher only',
  'decipher only',
  'any',
  'server auth',
  'client auth',
  'code signing',
  'email protection',
  's/mime',
  'ipsec end system',
  'ipsec tunnel',
  'ipsec user',
  'timestamping',
  'ocsp signing',
  'microsoft sgc',
  'netscape sgc',
]);

/** Who asked is written down by the server; admission plugins CertificateSubjectRestriction and, of nodes, NodeRestriction. */
export const certificateSigningRequestStrategy: Strategy = {
  async admit(csr, _core, { user }) {
    const spec = csr['spec'] ?? {};
    const { username, uid, groups, extra } = user;
    csr['spec'] = {
      ...spec,
      username,
      groups: [...groups],
      ...(uid === undefined ? {} : { uid }),
      ...(extra === undefined ? {} : { extra }),
    };
    const subject = await subjectOf(csr);
    const name = csr.metadata.name ?? '';
    if (spec.signerName === CLIENT_SIGNER && subject.organizations.includes('system:masters')) {
      throw forbidden(CSRS, name, `use of ${CLIENT_SIGNER} signer with system:masters group is not allowed`);
    }
    const node = nodeOf(user);
    if (node !== undefined && NODE_SIGNERS.includes(spec.signerName) && subject.commonName !== `system:node:${node}`) {
      throw forbidden(CSRS, name, `can only create a node CSR with CN=system:node:${node}`);
    }
  },
  prepareForUpdate(csr, old) {
    csr['spec'] = old['spec'];
  },
  admitUpdate: (csr, old, core, scope) => admitDecision(scope, csr, old, formatTime(core.clock())),
  check(csr) {
    const { usages = [], expirationSeconds, signerName = '' } = csr['spec'] ?? {};
    const causes: StatusCause[] = usages.flatMap((usage: string, i: number): StatusCause[] => {
      const field = `spec.usages[${i}]`;
      if (usages.indexOf(usage) !== i)
        return [{ reason: 'FieldValueDuplicate', message: `Duplicate value: ${JSON.stringify(usage)}`, field }];
      if (USAGES.has(usage)) return [];
      const supported = [...USAGES].sort().map((known) => JSON.stringify(known));
      const message = `Unsupported value: ${JSON.stringify(usage)}: supported values: ${supported.join(', ')}`;
      return [{ reason: 'FieldValueNotSupported', message, field }];
    });
    if (usages.length === 0) causes.push({ reason: 'FieldValueRequired', message: 'Required value', field: 'spec.usages' });
    if (signerName === 'kubernetes.io/legacy-unknown')
      causes.push(wrong('spec.signerName', signerName, 'the legacy signerName is not allowed via this API version'));
    if (expirationSeconds !== undefined && expirationSeconds < MIN_SECONDS)
      causes.push(wrong('spec.expirationSeconds', expirationSeconds, 'may not specify a duration less than 600 seconds (10 minutes)'));
    return causes;
  },
};

const wrong = (field: string, value: unknown, why: string): StatusCause => ({
  reason: 'FieldValueInvalid',
  message: `Invalid value: ${JSON.stringify(value)}: ${why}`,
  field,
});

async function subjectOf(csr: KubernetesObject): Promise<RequestedSubject> {
  const request: string = csr['spec']?.request ?? '';
  try {
    const { readRequest } = await import('../../pki/certificate-request.ts');
    return await readRequest(Buffer.from(request, 'base64').toString());
  } catch (error) {
    throw invalid(KIND, csr.metadata.name ?? '', [wrong('spec.request', request, (error as Error).message)]);
  }
}

interface Condition {
  readonly type: string;
  lastUpdateTime?: string | null;
  lastTransitionTime?: string | null;
}

const conditionsOf = (csr: KubernetesObject): Condition[] => csr['status']?.conditions ?? [];
const APPROVALS = ['Approved', 'Denied'];

/**
 * What became of a request is never taken back, and only the approval decides about it. New conditions get their times. (Who may
 * approve and sign: admission/certificates.ts.)
 *
 * @throws StatusError 422
 */
function admitDecision(scope: Scope, csr: KubernetesObject, old: KubernetesObject, now: string): void {
  if (scope.subresource === 'status') refuseDecision(csr, old);
  for (const type of [...APPROVALS, 'Failed']) {
    if (count(csr, type) < count(old, type)) throw statusFault(scope.name, `updates may not remove a condition of type "${type}"`);
  }
  if (count(csr, 'Approved') > 0 && count(csr, 'Denied') > 0) {
    const cause = wrong('status.conditions', 'Denied', 'Approved and Denied conditions are mutually exclusive');
    throw invalid(KIND, scope.name, [cause]);
  }
  const known = new Set(conditionsOf(old).map((condition) => condition.type));
  for (const condition of conditionsOf(csr)) {
    if (known.has(condition.type)) continue;
    condition.lastUpdateTime ??= now;
    condition.lastTransitionTime ??= now;
  }
}

const count = (csr: KubernetesObject, type: string) => conditionsOf(csr).filter((condition) => condition.type === type).length;

function refuseDecision(csr: KubernetesObject, old: KubernetesObject): void {
  const name = old.metadata.name!;
  const added = APPROVALS.find((type) => count(csr, type) > count(old, type));
  if (added !== undefined) throw statusFault(name, `updates may not add a condition of type "${added}"`);
  const before = old['status']?.certificate;
  if (before !== undefined && before !== csr['status']?.certificate) {
    const cause: StatusCause = {
      reason: 'FieldValueForbidden',
      message: 'Forbidden: updates may not modify existing certificate content',
      field: 'status.certificate',
    };
    throw invalid(KIND, name, [cause]);
  }
}

function statusFault(name: string, why: string) {
  return invalid(KIND, name, [{ reason: 'FieldValueForbidden', message: `Forbidden: ${why}`, field: 'status.conditions' }]);
}
