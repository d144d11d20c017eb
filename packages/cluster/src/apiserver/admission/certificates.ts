import { isDeepStrictEqual } from 'node:util';
import { forbidden, type KubernetesObject } from '@palisade/kubernetes';
import type { Authorizer } from '../auth/authorizer.ts';
import type { Scope } from '../core.ts';

const REQUESTS = 'certificatesigningrequests.certificates.k8s.io';

/**
 * Admission plugins CertificateApproval and CertificateSigning: who approves a request, or as its signer puts the certificate into it or
 * says that it failed, must be allowed the verb `approve` or `sign` on its signer (by name, or all of its domain).
 *
 * @throws StatusError 403
 */
export function restrictSigners(scope: Scope, object: KubernetesObject, old: KubernetesObject | undefined, authorizer: Authorizer): void {
  if (scope.resource.storeType !== REQUESTS || old === undefined) return;
  const signs = scope.subresource === 'status' && !isDeepStrictEqual(outcome(object), outcome(old));
  const verb = scope.subresource === 'approval' ? 'approve' : signs ? 'sign' : undefined;
  if (verb === undefined) return;
  const signer: string = old['spec']?.signerName ?? '';
  const names = [signer, `${signer.split('/')[0]}/*`];
  const isAllowed = names.some(
    (name) =>
      authorizer.authorize({
        user: scope.user,
        verb,
        path: '',
        resource: { group: 'certificates.k8s.io', version: 'v1', resource: 'signers', subresource: '', namespace: '', name },
      }).allowed,
  );
  if (!isAllowed)
    throw forbidden(scope.resource.gvr, scope.name, `user not permitted to ${verb} requests with signerName ${JSON.stringify(signer)}`);
}

const outcome = ({ status }: KubernetesObject) => [status?.certificate, status?.conditions ?? []];
