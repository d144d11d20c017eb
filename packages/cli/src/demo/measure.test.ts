import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expectAttacksBlocked } from './expect.ts';
import { measureAttacks } from './measure.ts';
import type { CommandResult, Shell } from './shell.ts';

/** Attackers and victims whose counters stand, at each reading, where the lists say; the last entry stays. */
function shellWith(attackers: readonly { sent: number; blocked: number; failed?: number }[], landed: readonly (number | 'silent')[]) {
  const readings: string[] = [];
  const next = <T>(list: readonly T[], who: string): T =>
    list[Math.min(readings.filter((reading) => reading === who).length, list.length - 1)]!;
  const run = async (...words: string[]): Promise<CommandResult> => {
    const answer = (code: number, stdout: unknown) => ({ command: '', code, stdout: String(stdout), stderr: 'gone' });
    if (words[1] === 'get') return answer(0, 'pod/one');
    const who = words.includes('microsimclient') ? 'attacker' : 'victim';
    const now = who === 'attacker' ? next(attackers, who) : next(landed, who);
    readings.push(who);
    if (now === 'silent') return answer(1, '');
    if (typeof now === 'number') return answer(0, JSON.stringify({ stats: { SQLi: now } }));
    const Attacks = { Sent: now.sent, Blocked: now.blocked, Failed: now.failed ?? 0 };
    return answer(0, JSON.stringify({ attacks: { Victims: { 'http://db.default:8080': { Attacks } } } }));
  };
  const shell: Shell = { run, show: run, transcript: [] };
  return { shell, readings };
}

const plan = { attacker: 'www', victims: [{ deployment: 'db', service: 'db' }], atLeast: 20, timeoutMs: 20_000 };

test('what landed in the time was sent in the time: attackers are asked before and after the victims', async () => {
  // Two attacks land between the first readings, none between the last.
  const { shell, readings } = shellWith(
    [
      { sent: 100, blocked: 0 },
      { sent: 122, blocked: 0 },
    ],
    [102, 122],
  );
  const [row] = await measureAttacks(shell, plan, () => {});
  assert.deepEqual(readings, ['attacker', 'victim', 'victim', 'attacker']);
  assert.deepEqual(row, { victim: 'db', sent: 22, blocked: 0, unanswered: 0, landed: 20 });
});

test('an attack whose answer is under way is waited for', async () => {
  const { shell } = shellWith(
    [
      { sent: 0, blocked: 0 },
      { sent: 21, blocked: 0 },
      { sent: 23, blocked: 0 },
    ],
    [0, 22],
  );
  const [row] = await measureAttacks(shell, plan, () => {});
  assert.deepEqual(row, { victim: 'db', sent: 23, blocked: 0, unanswered: 0, landed: 22 });
});

test('enough were sent, but what became of them is not known yet', async () => {
  const { shell } = shellWith(
    [
      { sent: 0, blocked: 0 },
      { sent: 21, blocked: 19 },
      { sent: 24, blocked: 24 },
    ],
    [0],
  );
  const [row] = await measureAttacks(shell, plan, () => {});
  assert.deepEqual(row, { victim: 'db', sent: 24, blocked: 24, unanswered: 0, landed: 0 });
});

test('a victim that does not answer has not counted zero', async () => {
  const { shell } = shellWith(
    [
      { sent: 0, blocked: 0 },
      { sent: 30, blocked: 0 },
    ],
    ['silent', 50, 75],
  );
  const [row] = await measureAttacks(shell, plan, () => {});
  assert.deepEqual(row, { victim: 'db', sent: 30, blocked: 0, unanswered: 0, landed: 25 });
});

test('when the time is over the counts are told as they are', async () => {
  const { shell } = shellWith(
    [
      { sent: 5, blocked: 0 },
      { sent: 8, blocked: 3 },
    ],
    [0],
  );
  const [row] = await measureAttacks(shell, { ...plan, timeoutMs: 500 }, () => {});
  assert.deepEqual(row, { victim: 'db', sent: 3, blocked: 3, unanswered: 0, landed: 0 });
});

test('an attack without an answer is neither blocked nor landed', async () => {
  const { shell } = shellWith(
    [
      { sent: 0, blocked: 0 },
      { sent: 25, blocked: 23, failed: 2 },
    ],
    [0],
  );
  const rows = await measureAttacks(shell, plan, () => {});
  assert.deepEqual(rows, [{ victim: 'db', sent: 25, blocked: 23, unanswered: 2, landed: 0 }]);
  assert.equal(expectAttacksBlocked(rows)[0]!.held, true);
  assert.equal(expectAttacksBlocked([{ ...rows[0]!, landed: 1 }])[0]!.held, false);
  assert.equal(expectAttacksBlocked([{ ...rows[0]!, unanswered: 1 }])[0]!.held, false, 'one of them was answered otherwise');
  assert.equal(expectAttacksBlocked([{ ...rows[0]!, sent: 21, blocked: 19 }])[0]!.held, false, 'too few to say');
});
