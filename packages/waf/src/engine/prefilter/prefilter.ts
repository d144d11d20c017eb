import type { Rule, TransformationChain } from '../compile/model.ts';
import type { RuleSet } from '../compile/ruleset.ts';
import type { TargetSpec } from '../compile/targets.ts';
import type { RulePrefilter } from '../evaluate/phase.ts';
import type { ValueFilter } from '../evaluate/rule.ts';
import type { TransactionState } from '../transaction/state.ts';
import { collectTargets } from '../transaction/values.ts';
import type { Target } from '../variables/target.ts';
import { maskOfText, tierOf, tiers } from './byte-classes.ts';
import { chainTrigger, isPreserving } from './chain-identity.ts';
import type { Bits, Chain, ChainResult, FilteredRule, ListScan, MaskFacts, Slot, TargetScan } from './parts.ts';
import { base64Run, chainsOf, hasAll, isBase64, isHopeless, literalTable, nameOf, setBit } from './parts.ts';
import { IMPOSSIBLE } from './requirement.ts';
import { minLengthOf, needsOf } from './rule-needs.ts';
import type { Scan } from './scanner.ts';
import { Scanner } from './scanner.ts';

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
  #chainWords = 0;
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
        if (!slot.chainIds.includes(chain)) slot.chainIds.push(chain);
      }
      for (const need of needs) if (need !== IMPOSSIBLE) for (const literal of need.literals) literals.add(literal);
    }
    // A shorter result may still do for a chain that goes on from this one; prefixes come before what goes on from them.
    for (const { parent, minLength } of this.#chains.toReversed()) {
      if (parent >= 0) this.#chains[parent]!.minLength = Math.min(this.#chains[parent]!.minLength, minLength);
    }
    this.#chainWords = Math.ceil(this.#chains.length / 32);
    for (const slot of this.#slots) {
      if (!slot) continue;
      slot.chains = new Int32Array(this.#chainWords);
      for (const chain of slot.chainIds) setBit(slot.chains, chain);
    }
    this.#scanner = new Scanner(literals);
    this.#byLiteral = tiers.map((_, tier) => literalTable(this.#rules, this.#scanner, tier));
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
      const { words } = slot;
      for (let at = 0; at < words.length; at++) bits[words[at]!]! |= list.settled[words[at]!]!;
      for (let word = 0; word < list.chains.length; word++) {
        // Few slots have a chain that may change the few values that any chain may change.
        for (let shared = list.chains[word]! & slot.chains[word]!; shared !== 0; shared &= shared - 1) {
          const chain = word * 32 + 31 - Math.clz32(shared & -shared);
          const found = list.byChain[chain] ?? this.#listChain(list, chain);
          for (let at = 0; at < words.length; at++) bits[words[at]!]! |= found[words[at]!]!;
        }
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
    const list: ListScan = { settled: this.#newBits(), chains: new Int32Array(this.#chainWords), changing: [], byChain: [] };
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
      for (let word = 0; word < list.chains.length; word++) list.chains[word]! |= facts.changingBits[word]!;
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
      return mayChange && !(isPreserving(chain, mask) && isHopeless(this.#rules, members, mask | SPACE)) ? 1 : 0;
    });
    const changing = this.#chains.flatMap((_, chain) => (isChanging[chain] ? [chain] : []));
    const changingBits = new Int32Array(this.#chainWords);
    for (const chain of changing) setBit(changingBits, chain);
    const facts = { tier, open, changing, changingBits, isChanging, settled, openSettled: open.map((word, i) => word & settled[i]!) };
    // A client can make masks up; what is kept of them is bounded.
    if (this.#masks.size >= MAX_MASKS) this.#masks.clear();
    this.#masks.set(key, facts);
    return facts;
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
    const slot = this.#slots[number] ?? { rules: this.#newBits(), words: [], chainIds: [], chains: new Int32Array(0) };
    this.#slots[number] = slot;
    return slot;
  }

  #newBits(): Bits {
    return new Int32Array(this.#words);
  }
}
