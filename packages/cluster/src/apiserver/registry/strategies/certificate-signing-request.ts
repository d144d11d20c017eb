import { forbidden, invalid, type KubernetesObject } from '@palisade/kubernetes';
import type { RequestedSubject } from '../../../contract.ts';
import { nodeOf } from '../../auth/node-authorizer.ts';
import type { Scope } from '../../core.ts';
import { formatTime } from '../time.ts';
import type { Strategy } from './strategy.ts';

const CSRS = { group: 'certificates.k8s.io', resource: 'certificatesigningrequests' };
const KIND = { group: 'certificates.k8s.io', kind: 'CertificateSigningRequest' };
const CLIENT_SIGNER = 'kubernetes.io/kube-apiserver-client';
const NODE_SIGNERS = ['kubernetes.io/kube-apiserver-client-kubelet', 'kubernetes.io/kubelet-serving'];
/** Who asked is written down by the server; admission plugins CertificateSubjectRestriction and, of nodes, NodeRestriction. */
export const certificateSigningRequestStrategy: Strategy = {
  async admit(csr, _core, scope) {
    const { user } = scope;
    const spec = csr['spec'] ?? {};
    const { username, uid, groups, extra } = user;
    csr['spec'] = {
      ...spec,
      username,
      groups: [...groups],
      ...(uid === undefined ? {} : { uid }),
      ...(extra === undefined ? {} : { extra }),
    };
    const subject = await subjectOf(csr, scope);
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
  prepareStatus: (csr, old, core) => settleConditions(csr, old, formatTime(core.clock())),
  admitUpdate: (csr, old, _core, scope) => refuseDecision(csr, old, scope),
};

/** @throws StatusError 422, all that is wrong at once */
async function subjectOf(csr: KubernetesObject, { resource }: Scope): Promise<RequestedSubject> {
  const request: string = csr['spec']?.request ?? '';
  try {
    const { readRequest } = await import('../../pki/certificate-request.ts');
    return await readRequest(Buffer.from(request, 'base64').toString());
  } catch (error) {
    const message = `Invalid value: ${JSON.stringify(request)}: ${(error as Error).message}`;
    const causes = [{ reason: 'FieldValueInvalid', message, field: 'spec.request' }, ...resource.model.validateCreate(csr)];
    throw invalid(KIND, csr.metadata.name ?? '', causes);
  }
}

interface Condition {
  readonly type: string;
  readonly status: string;
  lastUpdateTime?: string | null;
  lastTransitionTime?: string | null;
}

const conditionsOf = (csr: KubernetesObject, type?: string): Condition[] =>
  (csr['status']?.conditions ?? []).filter((condition: Condition) => type === undefined || condition.type === type);
const APPROVALS = ['Approved', 'Denied'];

/** Conditions get the times they lack; one that says what it said before has been so since then. */
function settleConditions(csr: KubernetesObject, old: KubernetesObject, now: string): void {
  for (const condition of conditionsOf(csr)) {
    const before = conditionsOf(old, condition.type).find(({ status }) => status === condition.status);
    condition.lastUpdateTime ??= now;
    condition.lastTransitionTime ??= before?.lastTransitionTime ?? now;
  }
}

/**
 * Only the approval decides about a request. (Who may approve and sign: admission/certificates.ts.)
 *
 * @throws StatusError 422
 */
function refuseDecision(csr: KubernetesObject, old: KubernetesObject, { subresource, name }: Scope): void {
  if (subresource !== 'status') return;
  const added = APPROVALS.find((type) => conditionsOf(csr, type).length > conditionsOf(old, type).length);
  if (added === undefined) return;
  const message = `Forbidden: updates may not add a condition of type "${added}"`;
  throw invalid(KIND, name, [{ reason: 'FieldValueForbidden', message, field: 'status.conditions' }]);
}
