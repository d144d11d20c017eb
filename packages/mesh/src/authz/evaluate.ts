/** What AuthorizationPolicies decide about one request or connection, and why. */
import type { TrustDomains } from '@palisade/identity/trust-domain';
import { type AuthzFacts, matchTerm } from './match.ts';
import { type AuthorizationPolicy, AuthzAction } from './policy.ts';
import type { PrincipalContext } from './principal.ts';
import { answerableTerms, type PermissionSubject, type PrincipalSubject, type Term } from './terms.ts';

export interface RuleRef {
  readonly namespace: string;
  readonly name: string;
  /** As the policy has it. */
  readonly writtenAs?: AuthorizationPolicy['writtenAs'];
  /** Of a translated policy: the number among the rules it became. */
  readonly rule: number;
}

/** An ALLOW rule that did not match, and the terms that stood in the way in its closest alternative. */
export interface NearMiss extends RuleRef {
  readonly failed: readonly Term<PermissionSubject | PrincipalSubject>[];
}

export interface AuthzDecision {
  readonly isAllowed: boolean;
  /** One sentence for a person. */
  readonly reason: string;
  /** The rule that denied or allowed; absent when none did. */
  readonly decidedBy?: RuleRef;
  /** CUSTOM rules that select the request: its provider is asked first, and may deny. */
  readonly asks: readonly (RuleRef & { readonly provider: string })[];
  readonly audits: readonly RuleRef[];
  /** What dry-run policies would have matched. */
  readonly dryRun: readonly (RuleRef & { readonly action: AuthzAction })[];
  /** When no ALLOW rule matched: each of them, fewest failed terms first. */
  readonly nearMisses: readonly NearMiss[];
}

/**
 * DENY before ALLOW; with no ALLOW policy everything is allowed, else one ALLOW rule must match. The verdict of an external provider is
 * not known here.
 *
 * @param policies those that apply to the workload (`selectAuthorizationPolicies`)
 */
export function evaluateAuthorization(
  policies: readonly AuthorizationPolicy[],
  facts: AuthzFacts,
  trustDomains: TrustDomains,
): AuthzDecision {
  const matched = (action: AuthzAction, isDryRun = false) =>
    policies
      .filter((policy) => policy.action === action && policy.isDryRun === isDryRun)
      .flatMap((policy) => matchingRules(policy, facts, trustDomains));
  const provider = (ref: RuleRef) =>
    policies.find((policy) => policy.name === ref.name && policy.namespace === ref.namespace)?.provider ?? '';
  const seen = {
    asks: matched(AuthzAction.custom).map((ref) => ({ ...ref, provider: provider(ref) })),
    audits: matched(AuthzAction.audit),
    dryRun: Object.values(AuthzAction).flatMap((action) => matched(action, true).map((ref) => ({ ...ref, action }))),
    nearMisses: [],
  };
  const [denied] = matched(AuthzAction.deny);
  if (denied !== undefined) return { isAllowed: false, reason: `denied by ${nameOf(denied)}`, decidedBy: denied, ...seen };
  const allowing = policies.filter((policy) => policy.action === AuthzAction.allow && !policy.isDryRun);
  if (allowing.length === 0) return { isAllowed: true, reason: 'no ALLOW policy applies to the workload', ...seen };
  const [allowed] = matched(AuthzAction.allow);
  if (allowed !== undefined) return { isAllowed: true, reason: `allowed by ${nameOf(allowed)}`, decidedBy: allowed, ...seen };
  const nearMisses = allowing
    .flatMap((policy) => missedRules(policy, facts, trustDomains))
    .sort((a, b) => a.failed.length - b.failed.length);
  const names = allowing.map((policy) => `${policy.namespace}/${policy.name}`).join(', ');
  return { isAllowed: false, reason: `no rule of the ALLOW policies ${names} matches`, ...seen, nearMisses };
}

function nameOf({ namespace, name, rule, writtenAs }: RuleRef): string {
  return writtenAs === undefined ? `rule ${rule} of AuthorizationPolicy ${namespace}/${name}` : `${writtenAs} ${namespace}/${name}`;
}

type Terms = readonly Term<PermissionSubject | PrincipalSubject>[];

/** Each rule's alternatives on both sides as the terms that failed. */
function judgeRules(
  policy: AuthorizationPolicy,
  facts: AuthzFacts,
  trustDomains: TrustDomains,
): { ref: RuleRef; failed: Terms | undefined }[] {
  const context: PrincipalContext = { trustDomains, policyNamespace: policy.namespace };
  const transport = facts.http === undefined ? 'tcp' : 'http';
  const closest = (alternatives: readonly Terms[]) =>
    alternatives.map((terms) => terms.filter((term) => !matchTerm(term, facts, context))).sort((a, b) => a.length - b.length)[0]!;
  return policy.rules.flatMap((rule, index) => {
    if (rule === null) return [];
    const terms = answerableTerms(rule, policy.action, transport);
    const { namespace, name, writtenAs } = policy;
    const ref = { namespace, name, rule: index, ...(writtenAs === undefined ? {} : { writtenAs }) };
    return [{ ref, failed: terms === undefined ? undefined : [...closest(terms.permissions), ...closest(terms.principals)] }];
  });
}

function matchingRules(policy: AuthorizationPolicy, facts: AuthzFacts, trustDomains: TrustDomains): RuleRef[] {
  return judgeRules(policy, facts, trustDomains).flatMap(({ ref, failed }) => (failed?.length === 0 ? [ref] : []));
}

function missedRules(policy: AuthorizationPolicy, facts: AuthzFacts, trustDomains: TrustDomains): NearMiss[] {
  return judgeRules(policy, facts, trustDomains).flatMap(({ ref, failed }) => (failed === undefined ? [] : [{ ...ref, failed }]));
}
