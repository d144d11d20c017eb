import { maskOfText, tierOf } from './byte-classes.ts';
import { isPreserving } from './chain-identity.ts';
import type { Bits } from './parts.ts';
import { hasAll, isHopeless, setBit } from './parts.ts';
import { IMPOSSIBLE } from './requirement.ts';
import type { RuleIndex } from './rule-index.ts';
import type { Scan } from './scanner.ts';

const MAX_MASKS = 2000;
const SPACE = maskOfText(' ');

/** What a class mask alone decides; shared by all values with that mask. */
export interface MaskFacts {
  readonly tier: number;
  /** Rules that ask for no literal and whose classes are there. */
  readonly open: Bits;
  /** Chains that may change such a value to the good of a rule. */
  readonly changing: readonly number[];
  readonly isChanging: Uint8Array;
  /** Those of them that a collection's rules ask for, by its number; filled as they are met. */
  readonly wanted: (readonly number[] | undefined)[];
  /** Rules whose chain leaves such a value as it is. */
  readonly settled: Bits;
  /** `open` of those. */
  readonly openSettled: Bits;
}

/** Facts by mask. A client can make masks up; what is kept of them is bounded. */
export class MaskTable {
  readonly #index: RuleIndex;
  readonly #known = new Map<number, MaskFacts>();

  constructor(index: RuleIndex) {
    this.#index = index;
  }

  get(scan: Scan, length: number): MaskFacts {
    const isShort = length <= 2;
    const key = (scan.mask * 512 + scan.pseudo) * 2 + (isShort ? 1 : 0);
    const known = this.#known.get(key);
    if (known) return known;
    const facts = this.#compute(scan, isShort);
    if (this.#known.size >= MAX_MASKS) this.#known.clear();
    this.#known.set(key, facts);
    return facts;
  }

  #compute({ mask, pseudo }: Scan, isShort: boolean): MaskFacts {
    const { rules, chains } = this.#index;
    const tier = tierOf(mask);
    const open = this.#index.newBits();
    for (const [number, rule] of rules.entries()) {
      const need = rule.needs[tier]!;
      if (need === IMPOSSIBLE || !hasAll(need.needs, mask)) continue;
      if (!need.asksLiteral || (need.orMask & mask) !== 0) setBit(open, number);
    }
    const settled = this.#index.newBits();
    const isChanging = Uint8Array.from(chains, ({ chain, trigger, rules: own, members }) => {
      const mayChange = (trigger.classes & mask) !== 0 || (trigger.pseudo & pseudo) !== 0 || (trigger.isPath && isShort);
      const isOfUse = mayChange && members.length > 0 && !(isPreserving(chain, mask) && isHopeless(rules, members, mask | SPACE));
      // A chain that does no rule good need not run; of its rules only those that ask nothing are open.
      if (!isOfUse) for (let i = 0; i < settled.length; i++) settled[i]! |= own[i]!;
      return isOfUse ? 1 : 0;
    });
    const changing = chains.flatMap((_, chain) => (isChanging[chain] ? [chain] : []));
    return { tier, open, changing, isChanging, wanted: [], settled, openSettled: open.map((word, i) => word & settled[i]!) };
  }
}
