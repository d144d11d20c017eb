import { maskOfText, tierOf } from './byte-classes.ts';
import { isPreserving, MAX_SHORT, mayChange } from './chain-identity.ts';
import type { Bits, Chain, Collection } from './parts.ts';
import { hasAll, isHopeless, setBit } from './parts.ts';
import { IMPOSSIBLE } from './requirement.ts';
import type { RuleIndex } from './rule-index.ts';
import type { Scan } from './scanner.ts';

const MAX_MASKS = 500;
const SPACE = maskOfText(' ');

/** For the rules over one collection. */
interface CollectionFacts {
  /** Chains that may change such a value to the good of one of the rules. */
  readonly wanted: readonly number[];
  /** Rules of all other chains: the value as it is tells about them. */
  readonly settled: Bits;
}

/** What a class mask alone decides; shared by all values with that mask. */
export class MaskFacts {
  readonly tier: number;
  /** Rules that ask for no literal and whose classes are there. */
  readonly open: Bits;
  /** Chains that may change such a value to the good of a rule. */
  readonly isChanging: Uint8Array;
  readonly #index: RuleIndex;
  readonly #mask: number;
  readonly #pseudo: number;
  readonly #isShort: boolean;
  readonly #byCollection: (CollectionFacts | undefined)[] = [];

  constructor(index: RuleIndex, { mask, pseudo }: Scan, isShort: boolean) {
    this.#index = index;
    this.#mask = mask;
    this.#pseudo = pseudo;
    this.#isShort = isShort;
    this.tier = tierOf(mask);
    this.open = index.newBits();
    for (const [number, rule] of index.rules.entries()) {
      const need = rule.needs[this.tier]!;
      if (need === IMPOSSIBLE || !hasAll(need.needs, mask)) continue;
      if (!need.asksLiteral || (need.orMask & mask) !== 0) setBit(this.open, number);
    }
    this.isChanging = Uint8Array.from(index.chains, (chain) => (this.#isOfUse(chain, chain.members) ? 1 : 0));
  }

  for(collection: Collection): CollectionFacts {
    const known = this.#byCollection[collection.number];
    if (known) return known;
    const wanted: number[] = [];
    const settled = this.#index.newBits();
    for (const [id, members] of collection.chains) {
      const chain = this.#index.chains[id]!;
      if (this.#isOfUse(chain, members)) wanted.push(id);
      // Of the rules of a chain that does none of them good, only those that ask nothing are open.
      else for (let i = 0; i < settled.length; i++) settled[i]! |= chain.rules[i]!;
    }
    const facts = { wanted, settled };
    this.#byCollection[collection.number] = facts;
    return facts;
  }

  /** A chain may change such a value so that one of these rules may match. */
  #isOfUse({ chain, trigger }: Chain, members: readonly number[]): boolean {
    if (members.length === 0 || !mayChange(trigger, { mask: this.#mask, pseudo: this.#pseudo }, this.#isShort)) return false;
    return !(isPreserving(chain, this.#mask) && isHopeless(this.#index.rules, members, this.#mask | SPACE));
  }
}

/** Facts by mask. A client can make masks up; what is kept of them is bounded. */
export class MaskTable {
  readonly #index: RuleIndex;
  readonly #known = new Map<number, MaskFacts>();

  constructor(index: RuleIndex) {
    this.#index = index;
  }

  get(scan: Scan, length: number): MaskFacts {
    const isShort = length <= MAX_SHORT;
    const key = (scan.mask * 512 + scan.pseudo) * 2 + (isShort ? 1 : 0);
    const known = this.#known.get(key);
    if (known) return known;
    const facts = new MaskFacts(this.#index, scan, isShort);
    if (this.#known.size >= MAX_MASKS) this.#known.clear();
    this.#known.set(key, facts);
    return facts;
  }
}
