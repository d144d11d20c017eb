import type { TransformationChain } from '../compile/model.ts';
import type { TargetSource } from '../compile/targets.ts';
import type { Transformation } from '../transformations/index.ts';
import { tierOf } from './byte-classes.ts';
import type { ChainTrigger } from './chain-identity.ts';
import { chainTrigger } from './chain-identity.ts';
import type { Requirement } from './requirement.ts';
import { IMPOSSIBLE } from './requirement.ts';

/** Rules as bits, 32 a word. Plain arrays: many are made for every request, and typed arrays cost five times as much to make. */
export type Bits = number[];

export interface Chain {
  readonly chain: TransformationChain;
  readonly trigger: ChainTrigger;
  /** The chain without the last step; -1 when no rule has it. */
  readonly parent: number;
  /** Steps that lead from the parent's result (or the value) to this chain's. */
  readonly tail: readonly Step[];
  /** Rules that look at this chain's result … */
  readonly rules: Bits;
  /** … and those of them that ask something of it. */
  readonly members: number[];
  /** Fewest bytes a result needs for any of the rules; kept for chains that decode base64 only. */
  minLength: number;
}

export interface Step {
  readonly run: Transformation;
  readonly trigger: ChainTrigger;
  /** Scans fold case: what is only changed in case comes to the same. Decoders do not, so that such a step always runs. */
  readonly isCase: boolean;
  readonly isBase64: boolean;
}

export function stepOf(step: TransformationChain['steps'][number]): Step {
  const { name, run } = step;
  return { run, trigger: chainTrigger([step]), isCase: name === 'lowercase' || name === 'uppercase', isBase64: name === 'base64Decode' };
}

/** All rules over one collection, and the words of bits they stand in. */
export interface Collection {
  readonly number: number;
  /** By chain, those that ask something of its result. */
  readonly chains: Map<number, number[]>;
  readonly words: number[];
}

/** Where rules of one phase find values: a collection, a member, or a count. */
export interface Source {
  readonly source: TargetSource;
  readonly collection: Collection;
  readonly rules: Bits;
}

export interface PhasePlan {
  readonly sources: readonly Source[];
  /** Rules nothing is known of before they run. */
  readonly always: Bits;
  /** Pairs: a head that can be passed over when its later link cannot match. */
  readonly gates: readonly (readonly [head: number, link: number])[];
}

/** A requirement without its literals: the scanner has them. */
export interface Need {
  readonly asksLiteral: boolean;
  readonly orMask: number;
  readonly needs: readonly number[];
}

export function needOf(requirement: Requirement | typeof IMPOSSIBLE): Need | typeof IMPOSSIBLE {
  if (requirement === IMPOSSIBLE) return IMPOSSIBLE;
  const { literals, orMask, needs } = requirement;
  return { asksLiteral: literals.length > 0 || orMask !== 0, orMask, needs };
}

export interface FilteredRule {
  /** What a value must hold for the rule to match, by tier. */
  readonly needs: readonly (Need | typeof IMPOSSIBLE)[];
  /** Several for multiMatch: the value before, between and after its steps. */
  readonly chains: readonly number[];
}

export function chainsOf(rule: {
  readonly transformations: TransformationChain;
  readonly actions: { readonly isMultiMatch: boolean };
}): TransformationChain['steps'][] {
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

export function clearBit(bits: Bits, index: number): void {
  bits[index >> 5]! &= ~(1 << (index & 31));
}

export function hasBit(bits: Bits, index: number): boolean {
  return (bits[index >> 5]! & (1 << (index & 31))) !== 0;
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
export class LiteralTable {
  /** Where a literal's rules begin; they end where the next one's begin. */
  readonly #starts: Uint32Array;
  readonly #rules: Uint32Array;

  /** @param asked literals of each rule, by number */
  constructor(asked: readonly (readonly number[])[], literals: number) {
    this.#starts = new Uint32Array(literals + 1);
    const starts = this.#starts;
    for (const list of asked) for (let i = 0; i < list.length; i++) starts[list[i]!]!++;
    for (let sum = 0, literal = 0; literal <= literals; literal++) {
      sum += starts[literal]!;
      starts[literal] = sum;
    }
    const rules = new Uint32Array(starts[literals]!);
    // From their ends to their beginnings.
    for (const [rule, list] of asked.entries()) for (let i = 0; i < list.length; i++) rules[--starts[list[i]!]!] = rule;
    this.#rules = rules;
  }

  start(literal: number): number {
    return this.#starts[literal]!;
  }

  ruleAt(place: number): number {
    return this.#rules[place]!;
  }
}
