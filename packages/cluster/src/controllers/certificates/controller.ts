import type { KubernetesObject } from '@palisade/kubernetes';
import { objectKey } from '@palisade/kubernetes/client';
import type { RequestSigner } from '../../contract.ts';
import { type Controller, type ControllerContext, createController } from '../runtime/context.ts';
import { Resource } from '../runtime/resources.ts';
import { autoApprovals, isOurs, signingFault } from './decide.ts';

/** Requests are kept for a while after they were decided or, longer, while nobody decides. */
const DECIDED_MS = 3_600_000;
const PENDING_MS = 24 * 3_600_000;
const REVIEWS = { group: 'authorization.k8s.io', version: 'v1', resource: 'subjectaccessreviews' };

/** Approves what may be approved without a person, signs what is approved, and clears away what is old. */
export function createCertificateController(ctx: ControllerContext, signer: RequestSigner): Controller {
  const requests = ctx.informer(Resource.certificateSigningRequests);
  const controller = createController(ctx, 'certificates', sync);
  requests.onChange((_type, csr) => controller.queue.add(objectKey(csr)));

  async function sync(key: string): Promise<number | undefined> {
    const csr = requests.get(key);
    if (csr === undefined || csr.metadata.deletionTimestamp !== undefined) return undefined;
    const isPending = !has(csr, 'Approved') && !has(csr, 'Denied');
    const age = ctx.clock.now().getTime() - Date.parse(csr.metadata.creationTimestamp ?? '');
    const left = (isPending ? PENDING_MS : DECIDED_MS) - age;
    if (left <= 0) {
      await ctx.client.delete(Resource.certificateSigningRequests, { name: csr.metadata.name! });
      return undefined;
    }
    if (isPending) await approve(csr);
    else if (has(csr, 'Approved') && !has(csr, 'Failed') && csr['status']?.certificate === undefined) await sign(csr);
    return left;
  }

  async function approve(csr: KubernetesObject): Promise<void> {
    const { signerName, usages = [], username, uid, groups, extra } = csr['spec'];
    if (!isOurs(signerName)) return;
    const subject = await signer.read(requestOf(csr));
    for (const { subresource, message } of autoApprovals(signerName, subject, usages, username)) {
      const resourceAttributes = { group: 'certificates.k8s.io', resource: 'certificatesigningrequests', verb: 'create', subresource };
      const review = await ctx.client.create(REVIEWS, {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SubjectAccessReview',
        metadata: {},
        spec: { user: username, uid, groups, extra, resourceAttributes },
      });
      if (review['status']?.allowed !== true) continue;
      return write(csr, 'approval', { conditions: [...conditions(csr), condition('Approved', 'AutoApproved', message)] });
    }
  }

  async function sign(csr: KubernetesObject): Promise<void> {
    const { signerName, usages = [], expirationSeconds } = csr['spec'];
    if (!isOurs(signerName)) return;
    const request = requestOf(csr);
    const fault = signingFault(signerName, await signer.read(request), usages);
    if (fault !== undefined) {
      return write(csr, 'status', { conditions: [...conditions(csr), condition('Failed', 'SignerValidationFailure', fault)] });
    }
    const certificate = await signer.sign(request, usages, expirationSeconds);
    await write(csr, 'status', { certificate: Buffer.from(certificate).toString('base64') });
  }

  async function write(csr: KubernetesObject, subresource: 'approval' | 'status', change: object): Promise<void> {
    const next: KubernetesObject = { ...csr, status: { ...csr['status'], ...change } };
    await ctx.client.update(Resource.certificateSigningRequests, next, { subresource });
  }

  return controller;
}

interface Condition {
  readonly type: string;
}

const conditions = (csr: KubernetesObject): readonly Condition[] => csr['status']?.conditions ?? [];
const has = (csr: KubernetesObject, type: string) => conditions(csr).some((one) => one.type === type);
const condition = (type: string, reason: string, message: string) => ({ type, status: 'True', reason, message });
const requestOf = (csr: KubernetesObject) => Buffer.from(csr['spec'].request ?? '', 'base64').toString();
