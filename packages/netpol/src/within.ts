import type { PolicyRef } from '@palisade/flow';
import { PolicyError } from './errors.ts';

/** Names the policy in every refusal that comes out of `work`. */
export function within<T>(ref: PolicyRef, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof PolicyError && error.policy === undefined) throw new PolicyError(error.code, error.path, error.problem, ref);
    throw error;
  }
}

const AUDIT_ANNOTATION = 'palisade.dev/audit';

/** Only the exact text `true` takes a policy out of force; anything else leaves it enforced. */
export function isInAuditMode(object: unknown): boolean {
  const annotations = (object as { metadata?: { annotations?: unknown } } | null)?.metadata?.annotations;
  return typeof annotations === 'object' && annotations !== null && (annotations as Record<string, unknown>)[AUDIT_ANNOTATION] === 'true';
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
