import type { PolicyRef } from '@palisade/flow';
import { PolicyError } from '../errors.ts';

/** Names the policy in every refusal that comes out of `work`. */
export function within<T>(ref: PolicyRef, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof PolicyError && error.policy === undefined) throw new PolicyError(error.code, error.path, error.problem, ref);
    throw error;
  }
}

/** The result, or undefined when a policy could not be read. */
export function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof PolicyError) return undefined;
    throw error;
  }
}
