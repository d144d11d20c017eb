import { PolicyError } from '../errors.ts';
import { parseClusterPolicy } from './cluster-policy.ts';
import { parseNetworkPolicy } from './network-policy.ts';

/** What is wrong with one policy object of any of the four kinds; undefined when the compiler takes it. */
export function findPolicyFault(object: unknown): PolicyError | undefined {
  try {
    if ((object as { kind?: unknown } | null)?.kind === 'NetworkPolicy') parseNetworkPolicy(object);
    else parseClusterPolicy(object);
    return undefined;
  } catch (error) {
    if (error instanceof PolicyError) return error;
    throw error;
  }
}
