/** `envoy.config.rbac.v3.RBAC`: verdict and the policy that caused it. */
import { PolicySchema, type RBAC, RBAC_Action, RBACSchema } from '@palisade/xds/api/envoy/config/rbac/v3/rbac';
import { refuseUnread } from '../config/registry.ts';
import type { AuthzFacts } from '../facts.ts';
import { compilePermission, every, type FactTest, some } from './permission.ts';
import { compilePrincipal } from './principal.ts';

export interface RbacVerdict {
  readonly isAllowed: boolean;
  /** The matching policy's name; undefined when none matched. */
  readonly policy: string | undefined;
}

export type RbacEngine = (facts: AuthzFacts) => RbacVerdict;

/**
 * ALLOW: allowed when one policy matches, so no policies allow nobody. DENY: denied when one matches. LOG decides nothing.
 * Policies are asked in the order of their names, as Envoy does, so that the named one is the same.
 */
export function compileRbac(rules: RBAC, where: string): RbacEngine {
  refuseUnread(RBACSchema, rules, ['action', 'policies'], where);
  const policies = Object.keys(rules.policies)
    .sort()
    .map((name) => {
      const policy = rules.policies[name]!;
      const at = `${where}, policy "${name}"`;
      refuseUnread(PolicySchema, policy, ['permissions', 'principals'], at);
      const permission: FactTest = some(policy.permissions.map((one) => compilePermission(one, at)));
      const principal: FactTest = some(policy.principals.map((one) => compilePrincipal(one, at)));
      const matched = { allowed: { isAllowed: true, policy: name }, denied: { isAllowed: false, policy: name } };
      return { test: every([permission, principal]), ...matched };
    });
  const isDeny = rules.action === RBAC_Action.DENY;
  const otherwise: RbacVerdict = { isAllowed: rules.action !== RBAC_Action.ALLOW, policy: undefined };
  return (facts) => {
    for (const policy of policies) if (policy.test(facts)) return isDeny ? policy.denied : policy.allowed;
    return otherwise;
  };
}
