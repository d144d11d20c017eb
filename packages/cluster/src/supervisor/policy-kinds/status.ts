import { type ApiClient, isStatusError, type KubernetesObject, PatchType } from '@palisade/kubernetes';
import type { Informer } from '@palisade/kubernetes/client';
import { findPolicyFault } from '@palisade/netpol';

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  readonly lastTransitionTime: string;
  readonly observedGeneration?: number;
}

export const ACCEPTED = 'Accepted';

/** The conditions a policy is to have, or undefined when it has them. Conditions of other types are somebody else's and stay. */
export function wantedConditions(policy: KubernetesObject, now: Date): readonly Condition[] | undefined {
  const fault = findPolicyFault(policy);
  const wanted = {
    status: fault === undefined ? 'True' : 'False',
    reason: fault === undefined ? 'Enforced' : 'Refused',
    message: fault === undefined ? 'in force on every node' : `${fault.message}; it denies everything to and from what it selects`,
  };
  const given: readonly Condition[] = policy['status']?.conditions ?? [];
  const known = given.find((condition) => condition.type === ACCEPTED);
  const { generation } = policy.metadata;
  if (known?.status === wanted.status && known.message === wanted.message && known.observedGeneration === generation) return undefined;
  const lastTransitionTime = known?.status === wanted.status ? known.lastTransitionTime : now.toISOString().replace(/\.\d+Z$/, 'Z');
  const next = { type: ACCEPTED, ...wanted, lastTransitionTime, ...(generation !== undefined && { observedGeneration: generation }) };
  return [...given.filter((condition) => condition.type !== ACCEPTED), next];
}

/** Writes into each cluster-wide policy's status whether it could be read. What the schema lets through may still be refused. */
export function reportPolicyStatus(
  client: ApiClient,
  informers: readonly Informer[],
  now: () => Date,
  log: (level: 'warn', message: string) => void,
): void {
  for (const informer of informers) {
    informer.onChange((type, policy) => {
      if (type === 'DELETED') return;
      const conditions = wantedConditions(policy, now());
      if (conditions === undefined) return;
      const key = { name: policy.metadata.name! };
      client.patch(informer.resource, key, PatchType.merge, { status: { conditions } }, { subresource: 'status' }).catch((error) => {
        if (!isStatusError(error, 'NotFound')) log('warn', `cannot write the status of ${policy.kind} ${key.name}: ${String(error)}`);
      });
    });
  }
}
