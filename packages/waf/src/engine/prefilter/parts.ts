import type { Rule, TransformationChain } from '../compile/model.ts';
import type { Target } from '../variables/target.ts';
import { tierOf } from './byte-classes.ts';
import type { ChainTrigger } from './chain-identity.ts';
import { IMPOSSIBLE } from './requirement.ts';
import type { TieredRequirement } from './rule-needs.ts';
import type { Scanner } from './scanner.ts';

/** Candidate rules as bits. */
export type Bits = Int32Array;

export interface Chain {
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
export interface Slot {
  readonly rules: Bits;
  /** Words of `rules` that hold a bit. */
  readonly words: number[];
  readonly chainIds: number[];
  /** The same as bits. */
  chains: Int32Array;
}

/** What a class mask alone decides; shared by all values with that mask. */
export interface MaskFacts {
  readonly tier: number;
  /** Rules that ask for no literal and whose classes are there. */
  readonly open: Bits;
  /** Chains that may change such a value. */
  readonly changing: readonly number[];
  readonly changingBits: Int32Array;
  readonly isChanging: Uint8Array;
  /** Rules whose chain leaves such a value as it is. */
  readonly settled: Bits;
  /** `open` of those. */
  readonly openSettled: Bits;
}

/** Kept with a target: its candidates by chain. */
export interface TargetScan {
  readonly owner: object;
  readonly byChain: (ChainResult | undefined)[];
  readonly start: ChainResult;
  /** Candidates for the chains that leave the value as it is. */
  readonly settled: Bits;
  readonly facts: MaskFacts;
}

/** The same for a whole collection. */
export interface ListScan {
  readonly settled: Bits;
  /** Chains that may change one of its values, and the values it may be. */
  readonly chains: Int32Array;
  readonly changing: Target[];
  readonly byChain: (Bits | undefined)[];
}

export interface ChainResult {
  readonly value: string;
  /** Candidates of the value; only those of the chain's own rules mean something. */
  readonly bits: Bits;
}

export interface FilteredRule {
  readonly needs: TieredRequirement;
  /** Several for multiMatch: the value before, between and after its steps. */
  readonly chains: readonly number[];
}

export function chainsOf(rule: Rule): (readonly TransformationChain['steps'][number][])[] {
  const { steps } = rule.transformations;
  if (!rule.actions.isMultiMatch) return [steps];
  return Array.from({ length: steps.length + 1 }, (_, count) => steps.slice(0, count));
}

export function nameOf(steps: TransformationChain['steps']): string {
  return steps.map((step) => step.name).join();
}

export function isBase64(chain: TransformationChain): boolean {
  return chain.steps.some((step) => step.name === 'base64Decode');
}

/** Bytes of the base64 alphabet at the start. */
export function base64Run(text: string): number {
  let at = 0;
  for (; at < text.length; at++) {
    const c = text.charCodeAt(at);
    const isLetter = (c | 0x20) >= 0x61 && (c | 0x20) <= 0x7a;
    if (!isLetter && !(c >= 0x2f && c <= 0x39) && c !== 0x2b) break;
  }
  return at;
}

export function setBit(bits: Bits, index: number): void {
  bits[index >> 5]! |= 1 << (index & 31);
}

export function hasAll(needs: readonly number[], mask: number): boolean {
  for (const need of needs) if ((need & mask) === 0) return false;
  return true;
}

/** No rule of these can match a value of these classes, whatever its order. */
export function isHopeless(rules: readonly FilteredRule[], members: readonly number[], mask: number): boolean {
  const tier = tierOf(mask);
  return members.every((index) => {
    const need = rules[index]!.needs[tier]!;
    return need === IMPOSSIBLE || !hasAll(need.needs, mask);
  });
}

/** Rules by the literals they ask for, in one tier. */
export function literalTable(rules: readonly FilteredRule[], scanner: Scanner, tier: number): (number[] | undefined)[] {
  const table: (number[] | undefined)[] = new Array(scanner.size);
  for (const [index, { needs }] of rules.entries()) {
    const need = needs[tier]!;
    if (need === IMPOSSIBLE) continue;
    for (const literal of need.literals) {
      const id = scanner.idOf(literal);
      const list = table[id];
      if (!list) table[id] = [index];
      else if (list.at(-1) !== index) list.push(index);
    }
  }
  return table;
}
