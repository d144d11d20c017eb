import assert from 'node:assert/strict';
import { test } from 'node:test';
import { joinAnchors, watchAnchors } from './anchors.ts';
import { keepCertificate, readGraceRatio, readTtl, type WorkloadSecrets } from './certificates.ts';

const hourMs = 3_600_000;
const pem = (name: string) => `-----BEGIN CERTIFICATE-----\n${name}\n-----END CERTIFICATE-----`;

function secretsAt(nowMs: number, lifeMs: number): WorkloadSecrets {
  return { privateKeyPem: 'k', chainPem: 'c', anchorsPem: 'a', notAfter: new Date(nowMs + lifeMs) };
}

/** Runs the timers in order of time until none is left or `steps` have run. */
async function drive(answers: readonly (number | Error)[], random: number, graceRatio?: number) {
  let nowMs = 0;
  const waits: number[] = [];
  const taken: number[] = [];
  const timers: { at: number; action: () => void }[] = [];
  let asked = 0;
  const request = async () => {
    const answer = answers[asked++] ?? new Error('no more');
    if (answer instanceof Error) throw answer;
    return secretsAt(nowMs, answer);
  };
  const edges = {
    now: () => new Date(nowMs),
    random: () => random,
    later: (action: () => void, ms: number) => {
      waits.push(ms);
      timers.push({ at: nowMs + ms, action });
    },
    log: () => {},
  };
  keepCertificate(request, edges, () => taken.push(nowMs), graceRatio);
  for (let step = 0; step < answers.length; step++) {
    await new Promise(setImmediate);
    const next = timers.shift();
    if (next === undefined) break;
    nowMs = next.at;
    next.action();
  }
  await new Promise(setImmediate);
  return { waits, taken };
}

test('renewal at half of the life, moved by up to a hundredth either way', async () => {
  assert.equal((await drive([24 * hourMs], 0.5)).waits[0], 12 * hourMs);
  assert.equal((await drive([24 * hourMs], 0)).waits[0], 0.51 * 24 * hourMs);
  assert.ok((await drive([24 * hourMs], 0.999)).waits[0]! > 0.49 * 24 * hourMs);
  assert.equal((await drive([10 * hourMs], 0.5, 0.9)).waits[0], hourMs);
  assert.deepEqual((await drive([24 * hourMs, 24 * hourMs, 24 * hourMs], 0.5)).taken, [0, 12 * hourMs, 24 * hourMs]);
});

test('an authority that is away: soon again, doubling to half a minute; on its return all is as before', async () => {
  const away = new Error('away');
  const { waits } = await drive([away, away, away, away, away, away, away, away, 24 * hourMs, away], 0.5);
  assert.deepEqual(waits.slice(0, 8), [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
  assert.deepEqual(waits.slice(8, 10), [12 * hourMs, 500]);
});

test('a certificate that has ended already does not make a tight loop', async () => {
  assert.equal((await drive([-hourMs], 0.5)).waits[0], 1000);
});

test('anchors: each once, the file’s first; a change is told once, an unreadable or empty file never', () => {
  assert.equal(joinAnchors(`${pem('a')}\n${pem('b')}`, pem('b'), `x ${pem('c')}`), `${pem('a')}\n${pem('b')}\n${pem('c')}\n`);
  let file: string | Error = pem('a');
  const looks: (() => void)[] = [];
  const told: string[] = [];
  const read = () => {
    if (file instanceof Error) throw file;
    return file;
  };
  watchAnchors({ read, every: (action) => void looks.push(action) }, (text) => told.push(text));
  for (const next of [pem('a'), new Error('ENOENT'), '', `${pem('a')}\n${pem('b')}`, `${pem('a')}\n${pem('b')}\n`]) {
    file = next;
    looks[0]!();
  }
  assert.deepEqual(told, [`${pem('a')}\n`, `${pem('a')}\n${pem('b')}\n`]);
});

test('SECRET_TTL as Istio writes durations, SECRET_GRACE_PERIOD_RATIO as it writes parts', () => {
  for (const [text, seconds] of [
    [undefined, 86_400],
    ['', 86_400],
    ['24h', 86_400],
    ['1h30m', 5400],
    ['20s', 20],
  ] as const)
    assert.equal(readTtl(text), seconds);
  assert.deepEqual([undefined, '', '0.9'].map(readGraceRatio), [0.5, 0.5, 0.9]);
  for (const text of ['0', '1', 'half', '-0.1']) assert.throws(() => readGraceRatio(text), /SECRET_GRACE_PERIOD_RATIO/);
  for (const text of ['0s', '20', 'soon', '1h x', '-1h']) assert.throws(() => readTtl(text), /SECRET_TTL/);
});
