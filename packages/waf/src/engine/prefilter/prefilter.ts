import type { Phase, Rule } from '../compile/model.ts';
import type { RuleSet } from '../compile/ruleset.ts';
import type { RulePrefilter } from '../evaluate/phase.ts';
import type { TransactionState } from '../transaction/state.ts';
import { broadTargets } from '../transaction/values.ts';
import type { Target } from '../variables/target.ts';
import type { Bits, Collection } from './parts.ts';
import { clearBit, hasBit } from './parts.ts';
import { RuleIndex } from './rule-index.ts';
import type { RuleNeeds } from './rule-needs.ts';
import { ValueScanner } from './value-scan.ts';

/**
 * Proves most rules innocent of most values with one pass over each value: literals that every match must hold, classes
 * of bytes, and what is possible at all inside everyday alphabets. Sound: a rule it passes over cannot match.
 */
export class Prefilter implements RulePrefilter {
  readonly #index: RuleIndex;
  readonly #values: ValueScanner;

  /**
   * @param heads the rules that run at all, in order
   * @param hasGates no head reads what an earlier rule matched
   */
  constructor(ruleSet: RuleSet, heads: readonly Rule[], needs: RuleNeeds, hasGates: boolean) {
    this.#index = new RuleIndex(heads, needs, { ruleCount: ruleSet.rules.length, hasGates });
    this.#values = new ValueScanner(this.#index, ruleSet.unicodeMap);
  }

  candidates(state: TransactionState, phase: Phase): Bits {
    const { sources, always, gates } = this.#index.phases[phase];
    const bits = always.slice();
    for (const { source, collection, rules } of sources) {
      const targets = broadTargets(state, source);
      if (targets.length === 0) continue;
      const found = this.#listCandidates(state, targets, collection);
      const { words } = collection;
      for (let i = 0; i < words.length; i++) bits[words[i]!]! |= found[words[i]!]! & rules[words[i]!]!;
    }
    for (const [head, link] of gates) if (!hasBit(bits, link)) clearBit(bits, head);
    return bits;
  }

  isCandidate(bits: Bits, rule: Rule): boolean {
    const number = this.#index.numberOf(rule);
    return number < 0 || hasBit(bits, number);
  }

  mayMatch(rule: Rule, target: Target): boolean {
    const number = this.#index.numberOf(rule);
    return number < 0 || this.#values.mayMatch(target, number);
  }

  mayOperatorMatch(rule: Rule, target: Target): boolean {
    const number = this.#index.operatorOf(rule);
    return number < 0 || this.#values.mayMatch(target, number);
  }

  exonerate(rule: Rule, target: Target): void {
    const number = this.#index.numberOf(rule);
    if (number >= 0) this.#values.exonerate(target, number);
  }

  /** What a whole list of values comes to; rules and phases over the same list share it. */
  #listCandidates(state: TransactionState, targets: readonly Target[], collection: Collection): Bits {
    const known = state.listCandidates.get(targets) as ListCandidates | undefined;
    if (known?.collection === collection) return known.bits;
    const bits = this.#index.newBits();
    for (const target of targets) this.#values.addCandidates(bits, target, collection);
    state.listCandidates.set(targets, { collection, bits } satisfies ListCandidates);
    return bits;
  }
}

interface ListCandidates {
  readonly collection: Collection;
  readonly bits: Bits;
}
