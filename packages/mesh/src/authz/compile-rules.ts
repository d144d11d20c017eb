/** Policies of one action as the rules of one Envoy RBAC filter. */
import type { MessageInitShape } from '@bufbuild/protobuf';
import { RBAC_Action, type RBACSchema } from '@palisade/xds/api/envoy/config/rbac/v3/rbac';
import { anyPermission, compilePermission, not } from './permission.ts';
import { type AuthorizationPolicy, AuthzAction, type Rule } from './policy.ts';
import { anyPrincipal, compilePrincipal, notPrincipal, type PrincipalContext } from './principal.ts';
import { isHttpOnly, type Term, termsOf } from './terms.ts';

export type Rules = MessageInitShape<typeof RBACSchema>;
type PolicyShape = NonNullable<Exclude<Rules['policies'], undefined>>[string];

export type Transport = 'http' | 'tcp';

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

/**
 * On TCP, what asks about HTTP cannot be answered. An ALLOW rule with such a field allows nothing and is dropped; any other rule loses
 * the field and so widens: DENY of a method denies the connection. Both err towards denying.
 */
function compileRule(rule: Rule, action: AuthzAction, policyNamespace: string, context: RulesContext): PolicyShape | undefined {
  const terms = termsOf(rule);
  const isTcp = context.transport === 'tcp';
  const all = [...terms.permissions, ...terms.principals].flat();
  if (isTcp && action === AuthzAction.allow && all.some((term) => isHttpOnly(term.subject))) return undefined;
  const answerable = <T extends Term<{ readonly type: string }>>(list: readonly T[]) =>
    isTcp ? list.filter((term) => !isHttpOnly(term.subject as Parameters<typeof isHttpOnly>[0])) : list;
  return {
    permissions: terms.permissions.map((list) => compilePermission(answerable(list))),
    principals: terms.principals.map((list) => compilePrincipal(answerable(list), { ...context, policyNamespace })),
  };
}
