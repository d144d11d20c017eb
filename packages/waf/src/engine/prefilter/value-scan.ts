import type { UnicodeMap } from '../transformations/url.ts';
import { Recurring } from '../variables/recurring.ts';
import type { Target } from '../variables/target.ts';
import { ALL_CLASSES } from './byte-classes.ts';
import type { Found } from './chain-identity.ts';
import { MAX_SHORT, mayChange } from './chain-identity.ts';
import type { MaskFacts } from './mask-facts.ts';
import { MaskTable } from './mask-facts.ts';
import type { Bits, Collection, Step } from './parts.ts';
import { base64Run, clearBit, hasAll, hasBit, setBit } from './parts.ts';
import { IMPOSSIBLE } from './requirement.ts';
import type { RuleIndex } from './rule-index.ts';
import type { Scan } from './scanner.ts';

const MAX_RECURRING_LENGTH = 512;

/** A chain's result on a value. What may match it is found out when a rule asks. */
interface ChainResult extends Found {
  readonly value: string;
  /** Candidates of the result; only those of the chain's own rules mean something. */
  bits: Bits | undefined;
}

/** Not looked at: it may hold anything. */
const unknown: Found = { mask: ALL_CLASSES, pseudo: ALL_CLASSES };

/** Kept with a target. */
interface ValueScan {
  readonly owner: ValueScanner;
  readonly facts: MaskFacts;
  readonly start: ChainResult & { readonly bits: Bits };
  /** Results by chain. */
  byChain: (ChainResult | undefined)[] | undefined;
  /** For a recurring value: rules that have looked at it in vain, and its candidates by collection. */
  innocent: Bits | undefined;
  readonly totals: (Bits | undefined)[] | undefined;
}

interface Kept {
  readonly scan: ValueScan;
  readonly memo: NonNullable<Target['memo']>;
}

/** Which rules a single value may match: one pass over it, and one over each result of a chain that may change it. */
export class ValueScanner {
  readonly #index: RuleIndex;
  readonly #unicodeMap: UnicodeMap | undefined;
  readonly #masks: MaskTable;
  readonly #recurring = new Recurring<Kept>();
  /** A chain's result that no rule can match. */
  readonly #nothing: ChainResult;

  constructor(index: RuleIndex, unicodeMap: UnicodeMap | undefined) {
    this.#index = index;
    this.#unicodeMap = unicodeMap;
    this.#masks = new MaskTable(index);
    this.#nothing = { value: '', ...unknown, bits: index.newBits() };
  }

  /** Add a value's candidates among the rules of a collection to those of its list. */
  addCandidates(bits: Bits, target: Target, collection: Collection): void {
    const scan = this.#scanOf(target);
    const { words } = collection;
    if (scan.totals) {
      const total = scan.totals[collection.number] ?? this.#total(scan, collection);
      for (let i = 0; i < words.length; i++) bits[words[i]!]! |= total[words[i]!]!;
    } else this.#add(bits, scan, collection);
  }

  /** Whether a rule of this number may match a value. */
  mayMatch(target: Target, number: number): boolean {
    const scan = this.#scanOf(target);
    if (scan.innocent && hasBit(scan.innocent, number)) return false;
    for (const chain of this.#index.rules[number]!.chains) {
      const result = scan.facts.isChanging[chain] ? this.#resultOf(scan, chain) : scan.start;
      if (hasBit(this.#bitsOf(result), number)) return true;
    }
    return false;
  }

  /** A rule has looked at a recurring value and found nothing: it need not look again. */
  exonerate(target: Target, number: number): void {
    const scan = this.#scanOf(target);
    if (!scan.totals) return;
    scan.innocent ??= this.#index.newBits();
    setBit(scan.innocent, number);
    for (const total of scan.totals) if (total) clearBit(total, number);
  }

  #total(scan: ValueScan, collection: Collection): Bits {
    const total = this.#index.newBits();
    this.#add(total, scan, collection);
    if (scan.innocent) for (let i = 0; i < total.length; i++) total[i]! &= ~scan.innocent[i]!;
    scan.totals![collection.number] = total;
    return total;
  }

  #add(bits: Bits, scan: ValueScan, collection: Collection): void {
    const { wanted, settled } = scan.facts.for(collection);
    const { words } = collection;
    const plain = scan.start.bits;
    for (let i = 0; i < words.length; i++) bits[words[i]!]! |= plain[words[i]!]! & settled[words[i]!]!;
    for (let i = 0; i < wanted.length; i++) {
      const chain = wanted[i]!;
      const result = this.#resultOf(scan, chain);
      if (result === this.#nothing) continue;
      const { rules } = this.#index.chains[chain]!;
      const found = this.#bitsOf(result);
      for (let j = 0; j < words.length; j++) bits[words[j]!]! |= found[words[j]!]! & rules[words[j]!]!;
    }
  }

  #scanOf(target: Target): ValueScan {
    const known = target.scan as ValueScan | undefined;
    if (known?.owner === this) return known;
    const isKept = target.isRecurring && target.value.length <= MAX_RECURRING_LENGTH;
    const fresh = isKept ? this.#recurringScan(target) : this.#newScan(target.value, false);
    target.scan = fresh;
    return fresh;
  }

  #recurringScan(target: Target): ValueScan {
    const known = this.#recurring.get(target.value);
    const kept = known ?? this.#recurring.keep(target.value, (value) => ({ scan: this.#newScan(value, true), memo: new Map() }));
    target.memo = kept.memo;
    return kept.scan;
  }

  #newScan(value: string, isKept: boolean): ValueScan {
    const scan = this.#index.scanner.scan(value);
    const facts = this.#masks.get(scan, value.length);
    return {
      owner: this,
      facts,
      start: { value, mask: scan.mask, pseudo: scan.pseudo, bits: this.#candidates(scan, facts) },
      byChain: undefined,
      innocent: undefined,
      totals: isKept ? [] : undefined,
    };
  }

  #bitsOf(result: ChainResult): Bits {
    if (!result.bits) {
      const scan = this.#index.scanner.scan(result.value);
      result.mask = scan.mask;
      result.pseudo = scan.pseudo;
      result.bits = this.#candidates(scan, this.#masks.get(scan, result.value.length));
    }
    return result.bits;
  }

  /** The chain's result on a value, by way of the chain that lacks its last step where there is one. */
  #resultOf(scan: ValueScan, id: number): ChainResult {
    scan.byChain ??= [];
    const known = scan.byChain[id];
    if (known) return known;
    const { parent, tail, minLength } = this.#index.chains[id]!;
    const before = parent < 0 ? scan.start : this.#resultOf(scan, parent);
    const result = before === this.#nothing ? before : this.#advance(before, tail, minLength);
    scan.byChain[id] = result;
    return result;
  }

  #advance(before: ChainResult, steps: readonly Step[], minLength: number): ChainResult {
    let { value } = before;
    let found: Found = before;
    let isSameButCase = true;
    for (const step of steps) {
      // A value that was looked at tells whether it holds what the step changes.
      if (!step.isCase && !mayChange(step.trigger, found, value.length <= MAX_SHORT)) continue;
      // Strict decoding stops at the first other byte: most values give a few bytes, too few for any rule.
      if (step.isBase64 && (base64Run(value) * 3) / 4 < minLength) return this.#nothing;
      const changed = step.run(value, this.#unicodeMap);
      if (changed === value) continue;
      value = changed;
      if (step.isCase) continue;
      isSameButCase = false;
      found = unknown;
    }
    if (value === before.value) return before;
    if (!isSameButCase) return { value, ...unknown, bits: undefined };
    const bits = this.#bitsOf(before);
    return { value, mask: before.mask, pseudo: before.pseudo, bits };
  }

  #candidates(scan: Scan, facts: MaskFacts): Bits {
    if (!scan.hits) return facts.open;
    const table = this.#index.byLiteral[facts.tier]!;
    let bits: Bits | undefined;
    for (const hit of scan.hits) {
      const end = table.start(hit + 1);
      for (let place = table.start(hit); place < end; place++) {
        const number = table.ruleAt(place);
        const need = this.#index.rules[number]!.needs[facts.tier]!;
        if (need === IMPOSSIBLE || !hasAll(need.needs, scan.mask)) continue;
        bits ??= facts.open.slice();
        setBit(bits, number);
      }
    }
    return bits ?? facts.open;
  }
}
