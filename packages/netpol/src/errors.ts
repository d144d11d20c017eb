import type { PolicyRef } from '@palisade/flow';

export type PolicyErrorCode = 'required' | 'invalid' | 'forbidden' | 'unknown-field' | 'unsupported' | 'duplicate';

/** A policy object that cannot be read. It is refused whole; `path` is the field as written in YAML (`spec.ingress[0].ports[1].port`). */
export class PolicyError extends Error {
  readonly code: PolicyErrorCode;
  readonly path: string;
  /** The message without policy and path. */
  readonly problem: string;
  readonly policy: PolicyRef | undefined;
  constructor(code: PolicyErrorCode, path: string, problem: string, policy?: PolicyRef) {
    super(policy ? `${describePolicy(policy)}: ${path}: ${problem}` : `${path}: ${problem}`);
    this.name = 'PolicyError';
    this.code = code;
    this.path = path;
    this.problem = problem;
    this.policy = policy;
  }
}

/** `NetworkPolicy default/db-ingress`, as used in every reason and message. */
export function describePolicy(ref: Pick<PolicyRef, 'kind' | 'namespace' | 'name'>): string {
  return ref.namespace === undefined ? `${ref.kind} ${ref.name}` : `${ref.kind} ${ref.namespace}/${ref.name}`;
}
