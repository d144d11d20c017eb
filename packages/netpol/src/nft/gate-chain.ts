import { denialByRule, denialWithoutRule } from '../denial.ts';
import type { CompiledPolicies, CompiledRule, Direction, PodClass } from '../model.ts';
import { ruleTexts } from './rule-text.ts';
import type { TableBuilder } from './table-builder.ts';

const withVerdict = (match: string, verdict: string): string => (match === '' ? verdict : `${match} ${verdict}`);

/**
 * The chain that a packet of one class and direction passes through. `return` is its yes: the packet goes on to the next
 * check. Its no is a `goto` to a chain that logs and drops.
 *
 * @returns the chain's name; undefined when nothing stands in the way
 */
export function gateChain(builder: TableBuilder, compiled: CompiledPolicies, podClass: PodClass, direction: Direction): string | undefined {
  const gate = podClass.gates[direction];
  if (gate.admin.length === 0 && gate.isolating.length === 0 && gate.baseline.length === 0) return undefined;
  const texts = (rule: CompiledRule) => ruleTexts(builder, compiled, rule, podClass);
  const deny = (rule: CompiledRule) => `goto ${builder.denial(denialByRule(rule), true)}`;
  const ordered = (rules: readonly CompiledRule[], pass: string) =>
    rules.flatMap((rule) => {
      const verdict = rule.parsed.action === 'Accept' ? 'return' : rule.parsed.action === 'Deny' ? deny(rule) : pass;
      return texts(rule).map((match) => withVerdict(match, verdict));
    });

  const lower =
    gate.isolating.length > 0
      ? [
          ...new Set(gate.isolating.flatMap((policy) => policy[direction]!.flatMap(texts)).map((match) => withVerdict(match, 'return'))),
          `goto ${builder.denial(denialWithoutRule(gate.isolating, direction), true)}`,
        ]
      : ordered(gate.baseline, 'return');
  const prefix = direction === 'ingress' ? 'i' : 'e';
  const needsPass = gate.admin.some((rule) => rule.parsed.action === 'Pass');
  const pass = !needsPass || lower.length === 0 ? 'return' : `goto ${builder.policyChain(`${prefix}n`, lower)}`;
  return builder.policyChain(prefix, [...ordered(gate.admin, pass), ...lower]);
}
