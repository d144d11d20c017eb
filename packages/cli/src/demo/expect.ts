import type { Attacks, Reach } from './measure.ts';

/** One thing that must hold, and whether it did. The list of them decides the demo's exit code. */
export interface Expectation {
  readonly text: string;
  readonly held: boolean;
}

export const minimumAttacks = 20;

export function expectAttacksLand(attacks: readonly Attacks[]): Expectation[] {
  return attacks.map(({ victim, sent, landed }) => ({
    text: `attacks on ${victim} land (${landed} of ${sent})`,
    held: sent >= minimumAttacks && landed >= minimumAttacks,
  }));
}

export function expectAttacksBlocked(attacks: readonly Attacks[]): Expectation[] {
  return attacks.map(({ victim, sent, blocked, landed }) => ({
    text: `every attack on ${victim} is answered 403 (${blocked} of ${sent}, ${landed} landed)`,
    held: sent >= minimumAttacks && blocked === sent && landed === 0,
  }));
}

/** @param outcome `open`: any HTTP answer; `closed`: the connection got none */
export function expectReach(reach: readonly Reach[], from: string, to: string, outcome: 'open' | 'closed'): Expectation {
  const found = reach.find((attempt) => attempt.from === from && attempt.to === to);
  const isOpen = typeof found?.outcome === 'number';
  const held = found !== undefined && (outcome === 'open' ? isOpen : found.outcome === 'timed out');
  return { text: `${from} ${outcome === 'open' ? 'reaches' : 'does not reach'} ${to} (${found?.outcome ?? 'not measured'})`, held };
}
