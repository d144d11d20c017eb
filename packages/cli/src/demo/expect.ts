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
  // On a busy machine an answer comes too late, or as a 5xx of something on the way: such an attack has not landed either.
  return attacks.map(({ victim, sent, blocked, unanswered, landed }) => ({
    text: `every attack on ${victim} is answered 403 (${blocked} of ${sent}, ${landed} landed${unanswered > 0 ? `, ${unanswered} without an answer` : ''})`,
    held: blocked >= minimumAttacks && blocked + unanswered === sent && landed === 0,
  }));
}

/** `open`: answered; `closed`: dropped on the way; `denied`: refused by the mesh's rules; `cut off`: the far proxy ends the connection. */
export type ReachOutcome = 'open' | 'closed' | 'denied' | 'cut off';

const meant: Readonly<Record<ReachOutcome, (outcome: Reach['outcome']) => boolean>> = {
  open: (outcome) => typeof outcome === 'number' && outcome < 400,
  closed: (outcome) => outcome === 'timed out',
  denied: (outcome) => outcome === 403,
  'cut off': (outcome) => outcome === 503,
};

export function expectReach(reach: readonly Reach[], from: string, to: string, outcome: ReachOutcome): Expectation {
  const found = reach.find((attempt) => attempt.from === from && attempt.to === to);
  const held = found !== undefined && meant[outcome](found.outcome);
  return { text: `${from} ${outcome === 'open' ? 'reaches' : 'does not reach'} ${to} (${found?.outcome ?? 'not measured'})`, held };
}
