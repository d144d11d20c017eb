/** What the original cannot show: for each victim, what was sent to it and what became of it. */

import type { Outcome } from './attacks.ts';
import type { AttackKind } from './environment.ts';
import type { PythonValue } from './python-text.ts';

interface Tally {
  sent: number;
  blocked: number;
  landed: number;
  failed: number;
}

const tally = (): Tally => ({ sent: 0, blocked: 0, landed: 0, failed: 0 });

export interface Scoreboard {
  request(victim: string, outcome: Outcome): void;
  attack(victim: string, kind: AttackKind, outcome: Outcome, blockedBy?: string): void;
  /** The added section of the statistics document. */
  render(): { readonly [key: string]: PythonValue };
}

export function createScoreboard(victims: readonly string[]): Scoreboard {
  const all = tally();
  const blockers = new Map<string, number>();
  const boards = new Map(victims.map((victim) => [victim, { requests: tally(), attacks: tally(), kinds: new Map<string, Tally>() }]));
  const count = (target: Tally, outcome: Outcome) => {
    target.sent++;
    target[outcome]++;
  };
  return {
    request(victim, outcome) {
      count(boards.get(victim)!.requests, outcome);
    },
    attack(victim, kind, outcome, blockedBy) {
      const board = boards.get(victim)!;
      if (!board.kinds.has(kind)) board.kinds.set(kind, tally());
      for (const target of [all, board.attacks, board.kinds.get(kind)!]) count(target, outcome);
      if (blockedBy !== undefined) blockers.set(blockedBy, (blockers.get(blockedBy) ?? 0) + 1);
    },
    render: () => ({
      'Attacks Sent': all.sent,
      Blocked: all.blocked,
      Landed: all.landed,
      Failed: all.failed,
      'Blocked By': Object.fromEntries(blockers),
      Victims: Object.fromEntries(
        [...boards].map(([victim, board]) => [
          victim,
          {
            Requests: show(board.requests, 'Answered', 'Refused'),
            Attacks: {
              ...show(board.attacks, 'Landed', 'Blocked'),
              Kinds: Object.fromEntries([...board.kinds].map(([kind, t]) => [kind, show(t, 'Landed', 'Blocked')])),
            },
          },
        ]),
      ),
    }),
  };
}

function show(counted: Tally, landed: string, blocked: string): { readonly [key: string]: PythonValue } {
  return { Sent: counted.sent, [landed]: counted.landed, [blocked]: counted.blocked, Failed: counted.failed };
}
