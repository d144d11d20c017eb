import type { Rule, TransformationChain } from '../compile/model.ts';
import type { RuleSet } from '../compile/ruleset.ts';
import type { TargetSpec } from '../compile/targets.ts';
import type { RulePrefilter } from '../evaluate/phase.ts';
import type { ValueFilter } from '../evaluate/rule.ts';
import type { TransactionState } from '../transaction/state.ts';
import { collectTargets } from '../transaction/values.ts';
import type { Target } from '../variables/target.ts';
import { maskOfText, tierOf, tiers } from './byte-classes.ts';
import type { ChainTrigger } from './chain-identity.ts';
import { chainTrigger, isPreserving } from './chain-identity.ts';
import { IMPOSSIBLE } from './requirement.ts';
import type { TieredRequirement } from './rule-needs.ts';
import { minLengthOf, needsOf } from './rule-needs.ts';
import type { Scan } from './scanner.ts';
import { Scanner } from './scanner.ts';

/** Candidate rules as bits. */
type Bits = Int32Array;

interface Chain {
  readonly chain: TransformationChain;
  readonly trigger: ChainTrigger;
  /** The chain without the last step; -1 when no rule has it. */
  readonly parent: number;
  /** Indexes of `rules`. */
  readonly members: number[];
  /** Fewest bytes a result needs for any of the rules; kept for chains that decode base64 only. */
  minLength: number;
  /** Rules that look at this chain's result. */
  readonly rules: Bits;
}

/** Rules over one target spec. */
interface Slot {
  readonly rules: Bits;
  /** Words of `rules` that hold a bit. */
  readonly words: number[];
  readonly hasChain: boolean[];
}

/** What a class mask alone decides; shared by all values with that mask. */
interface MaskFacts {
  readonly tier: number;
  /** Rules that ask for no literal and whose classes are there. */
  readonly open: Bits;
  /** Chains that may change such a value. */
  readonly changing: readonly number[];
  readonly isChanging: Uint8Array;
  /** Rules whose chain leaves such a value as it is. */
  readonly settled: Bits;
  /** `open` of those. */
  readonly openSettled: Bits;
}

/** Kept with a target: its candidates by chain. */
interface TargetScan {
  readonly owner: Prefilter;
  readonly byChain: (ChainResult | undefined)[];
  readonly start: ChainResult;
  /** Candidates for the chains that leave the value as it is. */
  readonly settled: Bits;
  readonly facts: MaskFacts;
}

/** The same for a whole collection. */
interface ListScan {
  readonly settled: Bits;
  /** Chains that may change one of its values, and the values it may be. */
  readonly chains: number[];
  readonly changing: Target[];
  readonly byChain: (Bits | undefined)[];
}

interface ChainResult {
  readonly value: string;
  /** Candidates of the value; only those of the chain's own rules mean something. */
  readonly bits: Bits;
}

interface FilteredRule {
  readonly needs: TieredRequirement;
  /** Several for multiMatch: the value before, between and after its steps. */
  readonly chains: readonly number[];
}

const MAX_MASKS = 2000;
const MAX_RECURRING = 2000;
const MAX_RECURRING_LENGTH = 256;
const SPACE = maskOfText(' ');

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
  readonly #recurring = new Map<string, { readonly scan: TargetScan; readonly memo: NonNullable<Target['memo']> }>();
  readonly #masks = new Map<number, MaskFacts>();
  readonly #words: number;
  /** A chain's result that no rule can match. */
  readonly #nothing: ChainResult;
  readonly #ruleSet: RuleSet;

  /** @param heads the rules that run at all; others are never passed over */
  constructor(ruleSet: RuleSet, heads: readonly Rule[], phrasesOf: (rule: Rule) => readonly string[]) {
    this.#ruleSet = ruleSet;
    this.#indexOf = new Int32Array(ruleSet.rules.length).fill(-1);
    const found = heads.flatMap((rule) => {
      const needs = needsOf(rule, ruleSet.profile, phrasesOf);
      return needs ? [{ rule, needs }] : [];
    });
    this.#words = Math.max(1, Math.ceil(found.length / 32));
    this.#nothing = { value: '', bits: this.#newBits() };
    const literals = new Set<string>();
    const chainIds = new Map<string, number>();
    for (const { rule, needs } of found) {
      const index = this.#rules.length;
      this.#indexOf[rule.index] = index;
      const chains = chainsOf(rule).map((steps) => this.#chainId(steps, chainIds));
      this.#rules.push({ needs, chains });
      const slot = this.#slotOf(rule.targets!.slot);
      setBit(slot.rules, index);
      if (!slot.words.includes(index >> 5)) slot.words.push(index >> 5);
      for (const chain of chains) {
        const entry = this.#chains[chain]!;
        setBit(entry.rules, index);
        entry.members.push(index);
        if (isBase64(entry.chain)) entry.minLength = Math.min(entry.minLength, minLengthOf(rule, ruleSet.profile));
        slot.hasChain[chain] = true;
      }
      for (const need of needs) if (need !== IMPOSSIBLE) for (const literal of need.literals) literals.add(literal);
    }
    // A shorter result may still do for a chain that goes on from this one; prefixes come before what goes on from them.
    for (const { parent, minLength } of this.#chains.toReversed()) {
      if (parent >= 0) this.#chains[parent]!.minLength = Math.min(this.#chains[parent]!.minLength, minLength);
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
      if (targets.length === 0) continue;
      const list = this.#listOf(state, targets);
      for (const i of slot.words) bits[i]! |= list.settled[i]!;
      for (const chain of list.chains) {
        if (!slot.hasChain[chain]) continue;
        const found = list.byChain[chain] ?? this.#listChain(list, chain);
        for (const i of slot.words) bits[i]! |= found[i]!;
      }
    }
    for (const i of slot.words) bits[i]! &= slot.rules[i]!;
    state.candidateCache[spec.slot] = bits;
    return bits;
  }

  /** What a whole collection comes to; rules over the same collection share it. */
  #listOf(state: TransactionState, targets: readonly Target[]): ListScan {
    const known = state.listCache.get(targets) as ListScan | undefined;
    if (known) return known;
    const list: ListScan = { settled: this.#newBits(), chains: [], changing: [], byChain: [] };
    let lastFacts: MaskFacts | undefined;
    let last: Bits | undefined;
    for (const target of targets) {
      const { facts, settled } = this.#scanOf(target);
      // Everyday values share one answer.
      if (settled !== last) {
        last = settled;
        for (let i = 0; i < settled.length; i++) list.settled[i]! |= settled[i]!;
      }
      if (facts.changing.length === 0) continue;
      list.changing.push(target);
      if (facts === lastFacts) continue;
      lastFacts = facts;
      for (const chain of facts.changing) if (!list.chains.includes(chain)) list.chains.push(chain);
    }
    state.listCache.set(targets, list);
    return list;
  }

  #listChain(list: ListScan, chain: number): Bits {
    const bits = this.#newBits();
    const { rules } = this.#chains[chain]!;
    for (const target of list.changing) {
      if (!this.#scanOf(target).facts.isChanging[chain]) continue;
      const found = this.#resultOf(target, chain).bits;
      if (found === this.#nothing.bits) continue;
      for (let i = 0; i < bits.length; i++) bits[i]! |= found[i]! & rules[i]!;
    }
    list.byChain[chain] = bits;
    return bits;
  }

  #scanOf(target: Target): TargetScan {
    const known = target.scan as TargetScan | undefined;
    if (known?.owner === this) return known;
    const fresh =
      target.isRecurring && target.value.length <= MAX_RECURRING_LENGTH ? this.#recurringScan(target) : this.#newScan(target.value);
    target.scan = fresh;
    return fresh;
  }

  /** Kept between requests: bounded, and dropped whole when a client makes names or headers up. */
  #recurringScan(target: Target): TargetScan {
    let known = this.#recurring.get(target.value);
    if (!known) {
      if (this.#recurring.size >= MAX_RECURRING) this.#recurring.clear();
      known = { scan: this.#newScan(target.value), memo: new Map() };
      this.#recurring.set(target.value, known);
    }
    target.memo = known.memo;
    return known.scan;
  }

  #newScan(value: string): TargetScan {
    const scan = this.#scanner.scan(value);
    const facts = this.#factsOf(scan, value.length);
    const plain = this.#candidates(scan, facts);
    const settled = plain === facts.open ? facts.openSettled : plain.map((word, i) => word & facts.settled[i]!);
    return { owner: this, byChain: [], start: { value, bits: plain }, settled, facts };
  }

  /** Rules of a chain that may match the target; bits of other chains mean nothing. */
  #targetCandidates(target: Target, chain: number): Bits {
    const scan = this.#scanOf(target);
    return scan.facts.isChanging[chain] ? this.#resultOf(target, chain).bits : scan.settled;
  }

  /** The chain's result on a value, by way of the chain that lacks its last step where there is one. */
  #resultOf(target: Target, id: number): ChainResult {
    const scan = this.#scanOf(target);
    const known = scan.byChain[id];
    if (known) return known;
    const { chain, parent, minLength } = this.#chains[id]!;
    const before = parent < 0 ? scan.start : this.#resultOf(target, parent);
    let result = before;
    if (before !== this.#nothing) {
      const steps = parent < 0 ? chain.steps : chain.steps.slice(-1);
      result = this.#advance(before, steps, minLength);
    }
    scan.byChain[id] = result;
    return result;
  }

  #advance(before: ChainResult, steps: TransformationChain['steps'], minLength: number): ChainResult {
    let { value } = before;
    for (const step of steps) {
      // Strict decoding stops at the first other byte: most values give a few bytes, too few for any rule.
      if (step.name === 'base64Decode' && (base64Run(value) * 3) / 4 < minLength) return this.#nothing;
      value = step.run(value, this.#ruleSet.unicodeMap);
    }
    if (value === before.value) return before;
    const scan = this.#scanner.scan(value);
    return { value, bits: this.#candidates(scan, this.#factsOf(scan, value.length)) };
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
    const settled = this.#newBits();
    const isChanging = Uint8Array.from(this.#chains, ({ chain, trigger, rules, members }) => {
      const mayChange = (trigger.classes & mask) !== 0 || (trigger.pseudo & scan.pseudo) !== 0 || (trigger.isPath && isShort);
      if (!mayChange) for (let i = 0; i < settled.length; i++) settled[i]! |= rules[i]!;
      return mayChange && !(isPreserving(chain, mask) && this.#isHopeless(members, mask | SPACE)) ? 1 : 0;
    });
    const changing = this.#chains.flatMap((_, chain) => (isChanging[chain] ? [chain] : []));
    const facts = { tier, open, changing, isChanging, settled, openSettled: open.map((word, i) => word & settled[i]!) };
    // A client can make masks up; what is kept of them is bounded.
    if (this.#masks.size >= MAX_MASKS) this.#masks.clear();
    this.#masks.set(key, facts);
    return facts;
  }

  /** No rule of these can match a value of these classes, whatever its order. */
  #isHopeless(members: readonly number[], mask: number): boolean {
    const tier = tierOf(mask);
    return members.every((index) => {
      const need = this.#rules[index]!.needs[tier]!;
      return need === IMPOSSIBLE || !hasAll(need.needs, mask);
    });
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
    const name = nameOf(steps);
    const known = ids.get(name);
    if (known !== undefined) return known;
    const id = this.#chains.length;
    ids.set(name, id);
    const chain = { name, steps, index: id };
    const parent = steps.length === 0 ? -1 : (ids.get(nameOf(steps.slice(0, -1))) ?? -1);
    this.#chains.push({
      chain,
      trigger: chainTrigger(chain),
      parent,
      rules: this.#newBits(),
      members: [],
      minLength: Number.POSITIVE_INFINITY,
    });
    return id;
  }

  #slotOf(number: number): Slot {
    const slot = this.#slots[number] ?? { rules: this.#newBits(), words: [], hasChain: [] };
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

function nameOf(steps: TransformationChain['steps']): string {
  return steps.map((step) => step.name).join();
}

function isBase64(chain: TransformationChain): boolean {
  return chain.steps.some((step) => step.name === 'base64Decode');
}

/** Bytes of the base64 alphabet at the start. */
function base64Run(text: string): number {
  let at = 0;
  for (; at < text.length; at++) {
    const c = text.charCodeAt(at);
    const isLetter = (c | 0x20) >= 0x61 && (c | 0x20) <= 0x7a;
    if (!isLetter && !(c >= 0x2f && c <= 0x39) && c !== 0x2b) break;
  }
  return at;
}

function setBit(bits: Bits, index: number): void {
  bits[index >> 5]! |= 1 << (index & 31);
}

function hasAll(needs: readonly number[], mask: number): boolean {
  for (const need of needs) if ((need & mask) === 0) return false;
  return true;
}
