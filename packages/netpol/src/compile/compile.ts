import type { ClusterSnapshot, CompiledPolicies } from '../model.ts';
import { PolicyCompiler } from './policy-compiler.ts';

export { PolicyCompiler };

/**
 * Turns a cluster into the form all questions are asked of. Order of the inputs never matters. A policy that cannot be
 * read is reported in `errors` and isolates the pods it selects; it never throws for a policy.
 */
export function compilePolicies(snapshot: ClusterSnapshot): CompiledPolicies {
  return new PolicyCompiler().update(snapshot);
}
