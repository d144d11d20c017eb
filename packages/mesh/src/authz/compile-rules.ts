/** Policies of one action as the rules of one Envoy RBAC filter. */
import type { MessageInitShape } from '@bufbuild/protobuf';
import { RBAC_Action, type RBACSchema } from '@palisade/xds/api/envoy/config/rbac/v3/rbac';
import { anyPermission, compilePermission, not } from './permission.ts';
import type { AuthorizationPolicy, AuthzAction, Rule } from './policy.ts';
import { anyPrincipal, compilePrincipal, notPrincipal, type PrincipalContext } from './principal.ts';
import { answerableTerms, type Transport } from './terms.ts';

export type Rules = MessageInitShape<typeof RBACSchema>;
type PolicyShape = NonNullable<Exclude<Rules['policies'], undefined>>[string];

export interface RulesContext extends Omit<PrincipalContext, 'policyNamespace'> {
  readonly transport: Transport;
  /** Of the policy's key in denial details; default none. */
  readonly keyPrefix?: string;
  readonly keySuffix?: string;
}

const envoyActions = {
  ALLOW: RBAC_Action.ALLOW,
  DENY: RBAC_Action.DENY,
  AUDIT: RBAC_Action.LOG,
  // The shadow rules that tell whether the external authorizer is asked.
  CUSTOM: RBAC_Action.DENY,
} as const;

/** Matches no request: a policy without rules still decides that "an ALLOW policy applies here". */
const never: PolicyShape = { permissions: [not(anyPermission)], principals: [notPrincipal(anyPrincipal)] };

/** The key of a rule in Envoy's statistics and in `rbac_access_denied_matched_policy[…]`. */
export function ruleKey(policy: Pick<AuthorizationPolicy, 'namespace' | 'name'>, index: number): string {
  return `ns[${policy.namespace}]-policy[${policy.name}]-rule[${index}]`;
}

export function compileRules(policies: readonly AuthorizationPolicy[], action: AuthzAction, context: RulesContext): Rules {
  const entries: [string, PolicyShape][] = [];
  for (const policy of policies) {
    const add = (index: number, compiled: PolicyShape | undefined) => {
      if (compiled !== undefined) entries.push([`${context.keyPrefix ?? ''}${ruleKey(policy, index)}${context.keySuffix ?? ''}`, compiled]);
    };
    for (const [index, rule] of policy.rules.entries()) if (rule !== null) add(index, compileRule(rule, action, policy.namespace, context));
    if (policy.rules.length === 0) add(0, never);
  }
  return { action: envoyActions[action], policies: Object.fromEntries(entries) };
}

function compileRule(rule: Rule, action: AuthzAction, policyNamespace: string, context: RulesContext): PolicyShape | undefined {
  const terms = answerableTerms(rule, action, context.transport);
  if (terms === undefined) return undefined;
  return {
    permissions: terms.permissions.map(compilePermission),
    principals: terms.principals.map((list) => compilePrincipal(list, { ...context, policyNamespace })),
  };
}
