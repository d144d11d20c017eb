/** Which policies apply to a workload. */
import type { AuthorizationPolicy } from './policy.ts';

export interface WorkloadPlace {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** Policies of its own and of the root namespace whose selector it fits; ordered by namespace and name, so that output is stable. */
export function selectAuthorizationPolicies(
  policies: readonly AuthorizationPolicy[],
  workload: WorkloadPlace,
  rootNamespace: string,
): AuthorizationPolicy[] {
  return policies
    .filter((policy) => policy.namespace === workload.namespace || policy.namespace === rootNamespace)
    .filter((policy) => selects(policy.selector, workload.labels))
    .sort((a, b) => compare(a.namespace, b.namespace) || compare(a.name, b.name));
}

/** An absent or empty selector fits every workload. */
export function selects(selector: Readonly<Record<string, string>> | undefined, labels: Readonly<Record<string, string>>): boolean {
  return Object.entries(selector ?? {}).every(([key, value]) => Object.hasOwn(labels, key) && labels[key] === value);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
