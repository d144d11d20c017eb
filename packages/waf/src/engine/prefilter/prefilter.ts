import type { Rule, TransformationChain } from '../compile/model.ts';
import type { RuleSet } from '../compile/ruleset.ts';
import type { TargetSpec } from '../compile/targets.ts';
import type { RulePrefilter } from '../evaluate/phase.ts';
import type { ValueFilter } from '../evaluate/rule.ts';
import type { TransactionState } from '../transaction/state.ts';
import { collectTargets } from '../transaction/values.ts';
import type { Transformation } from '../transformations/index.ts';
import type { Target } from '../variables/target.ts';
import { tierOf, tiers } from './byte-classes.ts';
import type { ChainTrigger } from './chain-identity.ts';
import { chainTrigger } from './chain-identity.ts';
import { IMPOSSIBLE } from './requirement.ts';
import type { TieredRequirement } from './rule-needs.ts';
import { needsOf } from './rule-needs.ts';
import type { Scan } from './scanner.ts';
import { Scanner } from './scanner.ts';

/** Candidate rules as bits. */
type Bits = Int32Array;

interface Chain {
  readonly steps: readonly { readonly run: Transformation }[];
  readonly trigger: ChainTrigger;
  /** Rules that look at this chain's result. */
  readonly rules: Bits;
}

/** Rules over one target spec. */
interface Slot {
  readonly rules: Bits;
  readonly chains: number[];
}

/** What a class mask alone decides; shared by all values with that mask. */
interface MaskFacts {
  readonly tier: number;
  /** Rules that ask for no literal and whose classes are there. */
  readonly open: Bits;
  /** Chains that may change such a value. */
  readonly changing: readonly boolean[];
}

/** Kept with a target: its candidates by chain. */
interface TargetScan {
  readonly owner: Prefilter;
  readonly byChain: (Bits | undefined)[];
  readonly plain: Bits;
  readonly facts: MaskFacts;
}

interface FilteredRule {
  readonly needs: TieredRequirement;
  /** Several for multiMatch: the value before, between and after its steps. */
  readonly chains: readonly number[];
}

const MAX_MASKS = 2000;

/**
 * Proves most rules innocent of most values with one pass over each value: literals that every match must hold, classes
 * of bytes, and what is possible at all inside everyday alphabets. Sound: a rule it passes over cannot match.
 */
export class Prefilter implements RulePrefilter {
  readonly #indexOf: Int32Array;
  readonly #rules: FilteredRule[] = [];
  readonly #chains: Chain[] = [];
  readonly #slots: (Slot | undefined)[] = [];
  readonly #scanner: Scanner;
  /** `#byLiteral[tier][literal]`: rules that ask for it. */
  readonly #byLiteral: (number[] | undefined)[][];
  readonly #masks = new Map<number, MaskFacts>();
  readonly #words: number;
  readonly #ruleSet: RuleSet;

  constructor(ruleSet: RuleSet, phrasesOf: (rule: Rule) => readonly string[]) {
    this.#ruleSet = ruleSet;
    this.#indexOf = new Int32Array(ruleSet.rules.length).fill(-1);
    const heads = Object.values(ruleSet.phases).flatMap((items) => items.flatMap((item) => (item.kind === 'rule' ? [item.rule] : [])));
    const found = heads.flatMap((rule) => {
      const needs = needsOf(rule, ruleSet.profile, phrasesOf);
      return needs ? [{ rule, needs }] : [];
    });
    this.#words = Math.max(1, Math.ceil(found.length / 32));
    const literals = new Set<string>();
    const chainIds = new Map<string, number>();
    for (const { rule, needs } of found) {
      const index = this.#rules.length;
      this.#indexOf[rule.index] = index;
      const chains = chainsOf(rule).map((steps) => this.#chainId(steps, chainIds));
      this.#rules.push({ needs, chains });
      const slot = this.#slotOf(rule.targets!.slot);
      setBit(slot.rules, index);
      for (const chain of chains) {
        setBit(this.#chains[chain]!.rules, index);
        if (!slot.chains.includes(chain)) slot.chains.push(chain);
      }
      for (const need of needs) if (need !== IMPOSSIBLE) for (const literal of need.literals) literals.add(literal);
    }
    this.#scanner = new Scanner(literals);
    this.#byLiteral = tiers.map((_, tier) => this.#literalTable(tier));
  }

  /** Rules it can judge, for tests and statistics. */
  get size(): number {
    return this.#rules.length;
  }

  mayMatch(state: TransactionState, rule: Rule): boolean {
    const index = this.#indexOf[rule.index]!;
    if (index < 0) return true;
    const spec = rule.targets!;
    const bits = (state.candidateCache[spec.slot] as Bits | undefined) ?? this.#slotCandidates(state, spec);
    return (bits[index >> 5]! & (1 << (index & 31))) !== 0;
  }

  valueFilter(_state: TransactionState, rule: Rule): ValueFilter | undefined {
    const index = this.#indexOf[rule.index]!;
    if (index < 0) return undefined;
    const { chains } = this.#rules[index]!;
    const word = index >> 5;
    const bit = 1 << (index & 31);
    return (target) => chains.some((chain) => (this.#targetCandidates(target, chain)[word]! & bit) !== 0);
  }

  #slotCandidates(state: TransactionState, spec: TargetSpec): Bits {
    const slot = this.#slots[spec.slot]!;
    const bits = this.#newBits();
    for (const { targets } of collectTargets(state, spec)) {
      for (const target of targets) {
        const scan = this.#scanOf(target);
        for (const chain of slot.chains) {
          const found = scan.facts.changing[chain] ? this.#targetCandidates(target, chain) : scan.plain;
          const { rules } = this.#chains[chain]!;
          for (let i = 0; i < bits.length; i++) bits[i]! |= found[i]! & rules[i]!;
        }
      }
    }
    for (let i = 0; i < bits.length; i++) bits[i]! &= slot.rules[i]!;
    state.candidateCache[spec.slot] = bits;
    return bits;
  }

  #scanOf(target: Target): TargetScan {
    const known = target.scan as TargetScan | undefined;
    if (known?.owner === this) return known;
    const scan = this.#scanner.scan(target.value);
    const facts = this.#factsOf(scan, target.value.length);
    const fresh: TargetScan = { owner: this, byChain: [], plain: this.#candidates(scan, facts), facts };
    target.scan = fresh;
    return fresh;
  }

  /** Rules of a chain that may match the target; bits of other chains mean nothing. */
  #targetCandidates(target: Target, chain: number): Bits {
    const scan = this.#scanOf(target);
    if (!scan.facts.changing[chain]) return scan.plain;
    const known = scan.byChain[chain];
    if (known) return known;
    let value = target.value;
    for (const step of this.#chains[chain]!.steps) value = step.run(value, this.#ruleSet.unicodeMap);
    let bits = scan.plain;
    if (value !== target.value) {
      const changed = this.#scanner.scan(value);
      bits = this.#candidates(changed, this.#factsOf(changed, value.length));
    }
    scan.byChain[chain] = bits;
    return bits;
  }

  #candidates(scan: Scan, facts: MaskFacts): Bits {
    if (!scan.hits) return facts.open;
    const table = this.#byLiteral[facts.tier]!;
    let bits: Bits | undefined;
    for (const hit of scan.hits) {
      const rules = table[hit];
      if (!rules) continue;
      for (const index of rules) {
        const need = this.#rules[index]!.needs[facts.tier]!;
        if (need === IMPOSSIBLE || !hasAll(need.needs, scan.mask)) continue;
        bits ??= facts.open.slice();
        setBit(bits, index);
      }
    }
    return bits ?? facts.open;
  }

  #factsOf(scan: Scan, length: number): MaskFacts {
    const isShort = length <= 2;
    const key = (scan.mask * 512 + scan.pseudo) * 2 + (isShort ? 1 : 0);
    const known = this.#masks.get(key);
    if (known) return known;
    const { mask } = scan;
    const tier = tierOf(mask);
    const open = this.#newBits();
    for (const [index, rule] of this.#rules.entries()) {
      const need = rule.needs[tier]!;
      if (need === IMPOSSIBLE || !hasAll(need.needs, mask)) continue;
      const asksLiteral = need.literals.length > 0 || need.orMask !== 0;
      if (!asksLiteral || (need.orMask & mask) !== 0) setBit(open, index);
    }
    const changing = this.#chains.map(
      ({ trigger }) => (trigger.classes & mask) !== 0 || (trigger.pseudo & scan.pseudo) !== 0 || (trigger.isPath && isShort),
    );
    const facts = { tier, open, changing };
    // A client can make masks up; what is kept of them is bounded.
    if (this.#masks.size >= MAX_MASKS) this.#masks.clear();
    this.#masks.set(key, facts);
    return facts;
  }

  #literalTable(tier: number): (number[] | undefined)[] {
    const table: (number[] | undefined)[] = new Array(this.#scanner.size);
    for (const [index, { needs }] of this.#rules.entries()) {
      const need = needs[tier]!;
      if (need === IMPOSSIBLE) continue;
      for (const literal of need.literals) {
        const id = this.#scanner.idOf(literal);
        const list = table[id];
        if (!list) table[id] = [index];
        else if (list.at(-1) !== index) list.push(index);
      }
    }
    return table;
  }

  #chainId(steps: TransformationChain['steps'], ids: Map<string, number>): number {
    const name = steps.map((step) => step.name).join();
    const known = ids.get(name);
    if (known !== undefined) return known;
    const id = this.#chains.length;
    ids.set(name, id);
    this.#chains.push({ steps, trigger: chainTrigger({ name, steps, index: id }), rules: this.#newBits() });
    return id;
  }

  #slotOf(number: number): Slot {
    const slot = this.#slots[number] ?? { rules: this.#newBits(), chains: [] };
    this.#slots[number] = slot;
    return slot;
  }

  #newBits(): Bits {
    return new Int32Array(this.#words);
  }
}

function chainsOf(rule: Rule): (readonly TransformationChain['steps'][number][])[] {
  const { steps } = rule.transformations;
  if (!rule.actions.isMultiMatch) return [steps];
  return Array.from({ length: steps.length + 1 }, (_, count) => steps.slice(0, count));
}

function setBit(bits: Bits, index: number): void {
  bits[index >> 5]! |= 1 << (index & 31);
}

function hasAll(needs: readonly number[], mask: number): boolean {
  for (const need of needs) if ((need & mask) === 0) return false;
  return true;
}
