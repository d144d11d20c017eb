import { describePolicy } from '../errors.ts';
import type { CompiledPolicies, CompiledRule, PodClass } from '../model.ts';
import type { LintFinding } from './finding.ts';

/** A Deny that comes first and covers at least what the rule is about, for every pod the rule is about. */
function deniesAll(deny: CompiledRule, rule: CompiledRule): boolean {
  if (deny.parsed.action !== 'Deny' || (deny.parsed.ports && !coversPorts(deny, rule))) return false;
  if (!deny.peers) return true;
  const denied = new Set<PodClass>(deny.peers.flatMap(({ selection }) => [...(selection?.classes ?? [])]));
  // Addresses are not compared: a rule for them is never called shadowed.
  if (!rule.peers?.length || rule.peers.some(({ selection }) => !selection || selection.classes.size === 0)) return false;
  return rule.peers.every(({ selection }) => [...selection!.classes].every((podClass) => denied.has(podClass)));
}

function coversPorts(deny: CompiledRule, rule: CompiledRule): boolean {
  return (rule.parsed.ports ?? []).length > 0
    ? rule.parsed.ports!.every(
        (match) =>
          'from' in match &&
          deny.parsed.ports!.some(
            (wide) => 'from' in wide && wide.protocol === match.protocol && wide.from <= match.from && match.to <= wide.to,
          ),
      )
    : false;
}

/** Allowing rules of NetworkPolicies that never decide, because the Admin tier denies the same before. */
export function lintShadowed({ policies }: CompiledPolicies): LintFinding[] {
  return policies.flatMap((policy) => {
    if (policy.parsed.tier !== 'networkPolicy' || policy.error || policy.subject.classes.size === 0) return [];
    return (['ingress', 'egress'] as const).flatMap((direction) =>
      (policy[direction] ?? []).flatMap((rule): LintFinding[] => {
        // An Accept or Pass that comes before may rescue a part: only a Deny before any of them counts.
        const firstDenies = [...policy.subject.classes].map((podClass) => {
          const rules = podClass.gates[direction].admin;
          const end = rules.findIndex(({ parsed }) => parsed.action !== 'Deny');
          return (end < 0 ? rules : rules.slice(0, end)).find((deny) => deniesAll(deny, rule));
        });
        const by = firstDenies[0];
        if (!by || firstDenies.some((found) => !found)) return [];
        const message = `${describePolicy(by.policy.parsed.ref)} ${by.parsed.path} (tier Admin) denies all of it before: the rule never decides`;
        return [{ rule: 'shadowed', severity: 'warning', policy: policy.parsed.ref, path: rule.parsed.path, message }];
      }),
    );
  });
}
