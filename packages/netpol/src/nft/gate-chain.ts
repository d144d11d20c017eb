import { Verdict } from '@palisade/flow';
import { isOpen } from '../compile/gate-table.ts';
import { denialByRule, denialWithoutRule } from '../denial.ts';
import type { CompiledPolicies, CompiledRule, Direction, Gate, PodClass } from '../model.ts';
import { type Part, PartBuilder } from './part.ts';
import { ruleTexts } from './rule-text.ts';

const withVerdict = (match: string, verdict: string): string => (match === '' ? verdict : `${match} ${verdict}`);

/** Where the answers of a chain lead: `accept` is `return`, or a `goto` to what is asked next. */
interface Exits {
  readonly accept: string;
  readonly denyByRule: (rule: CompiledRule) => string;
  readonly denyWithoutRule: () => string;
}

/** What a gate needs in a table, and the chain where it begins. */
export interface GatePart {
  readonly root: string;
  readonly part: Part;
}

/** Each gate's part is made once, for each set of named ports it guards; a gate stays the same value while its policies do. */
const made = new WeakMap<Gate, Map<string, GatePart>>();

/**
 * The chains that a packet of one class and direction passes through. `return` is their yes: the packet goes on to the next
 * check. Their no is a `goto` to a chain that logs and drops. With policies in audit mode, what is let through is asked again
 * as if they were enforced, and recorded where they would deny.
 *
 * @returns undefined when nothing stands in the way
 */
export function gatePart(compiled: CompiledPolicies, podClass: PodClass, direction: Direction): GatePart | undefined {
  const gate = podClass.gates[direction];
  if (isOpen(gate) && !gate.audited) return undefined;
  const known = made.get(gate) ?? new Map<string, GatePart>();
  made.set(gate, known);
  const key = direction === 'ingress' ? JSON.stringify(podClass.ports) : '';
  let found = known.get(key);
  if (!found?.part.isCurrent()) {
    const builder = new PartBuilder();
    found = { root: gateChain(builder, compiled, podClass, direction), part: builder };
    known.set(key, found);
  }
  return found;
}

function gateChain(builder: PartBuilder, compiled: CompiledPolicies, podClass: PodClass, direction: Direction): string {
  const gate = podClass.gates[direction];
  const prefix = direction === 'ingress' ? 'i' : 'e';
  const chainOf = (from: Gate, exits: Exits) =>
    builder.policyChain(prefix, decisionRules(builder, compiled, from, podClass, direction, exits));
  const { audited } = gate;
  const accept = audited
    ? `goto ${chainOf(audited, {
        accept: 'return',
        denyByRule: (rule) => `goto ${builder.audit(denialByRule(rule, Verdict.audit))}`,
        denyWithoutRule: () => `goto ${builder.audit(denialWithoutRule(audited.isolating, direction, Verdict.audit))}`,
      })}`
    : 'return';
  return chainOf(gate, {
    accept,
    denyByRule: (rule) => `goto ${builder.denial(denialByRule(rule), true)}`,
    denyWithoutRule: () => `goto ${builder.denial(denialWithoutRule(gate.isolating, direction), true)}`,
  });
}

/** Admin tier, then NetworkPolicies or the baseline tier; a Pass leaves for the second half at once. */
function decisionRules(
  builder: PartBuilder,
  compiled: CompiledPolicies,
  gate: Gate,
  podClass: PodClass,
  direction: Direction,
  { accept, denyByRule, denyWithoutRule }: Exits,
): string[] {
  const texts = (rule: CompiledRule) => ruleTexts(builder, compiled, rule, podClass);
  const ordered = (rules: readonly CompiledRule[], pass: string) =>
    rules.flatMap((rule) => {
      const { action } = rule.parsed;
      const verdict = action === 'Accept' ? accept : action === 'Deny' ? denyByRule(rule) : pass;
      return texts(rule).map((match) => withVerdict(match, verdict));
    });
  const isolated = () => {
    const allowed = gate.isolating.flatMap((policy) => policy[direction]!.flatMap(texts)).map((match) => withVerdict(match, accept));
    return [...new Set(allowed), denyWithoutRule()];
  };
  const lower = gate.isolating.length > 0 ? isolated() : [...ordered(gate.baseline, accept), ...(accept === 'return' ? [] : [accept])];
  const needsPass = gate.admin.some((rule) => rule.parsed.action === 'Pass');
  const pass = !needsPass || lower.length === 0 ? accept : `goto ${builder.policyChain(direction === 'ingress' ? 'in' : 'en', lower)}`;
  return [...ordered(gate.admin, pass), ...lower];
}
