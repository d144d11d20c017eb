import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { createContainerLog, rotatedPath } from './container-log.ts';
import { LineSplitter, logTime, MAX_LINE_BYTES, parseLogLine, renderLogLine } from './format.ts';
import { readLog } from './read.ts';
import { lastLines, selectLines } from './select.ts';

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'palisade-logs-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

const now = () => new Date('2026-01-02T03:04:05.678Z');
const plain = { container: 'c', follow: false, previous: false, timestamps: false };
const never = new AbortController().signal;

async function text(stream: AsyncIterable<unknown>): Promise<string> {
  let all = '';
  for await (const chunk of stream) all += String(chunk);
  return all;
}

test('lines: any text comes back, however it is cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: 'binary', maxLength: 30 }).map((line) => line.replaceAll('\n', ' ').toWellFormed())),
      fc.array(fc.nat(20), { minLength: 1 }),
      (lines, cuts) => {
        const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
        const splitter = new LineSplitter();
        const seen: string[] = [];
        for (let at = 0, turn = 0; at < bytes.length; turn++) {
          const length = 1 + cuts[turn % cuts.length]!;
          seen.push(...splitter.push(bytes.subarray(at, at + length)).map((line) => line.text));
          at += length;
        }
        assert.deepEqual(seen, lines);
        assert.equal(splitter.flush(), undefined);
      },
    ),
  );
});

test('long lines are cut between characters', () => {
  const splitter = new LineSplitter();
  const long = 'ä'.repeat(MAX_LINE_BYTES);
  const lines = splitter.push(Buffer.from(`x${long}\nend`));
  assert.deepEqual(
    lines.map(({ isPartial }) => isPartial),
    [true, true, false],
  );
  assert.equal(lines.map((line) => line.text).join(''), `x${long}`);
  assert.equal(splitter.flush(), 'end');
});

test('log lines as kubelet writes them', () => {
  const line = renderLogLine(logTime(now()), 'stderr', 'two words', false);
  assert.equal(line, '2026-01-02T03:04:05.678000000Z stderr F two words\n');
  assert.deepEqual(parseLogLine(line.trimEnd()), {
    time: '2026-01-02T03:04:05.678000000Z',
    source: 'stderr',
    isPartial: false,
    text: 'two words',
  });
  assert.deepEqual(parseLogLine('T stdout P ')?.text, '');
  for (const bad of ['', 'x', 'T stdin F x', 'T stdout Q x']) assert.equal(parseLogLine(bad), undefined, bad);
});

test('which lines', () => {
  const raw = [
    '2026-01-01T00:00:01Z stdout F one',
    '2026-01-01T00:00:02Z stdout P tw',
    '2026-01-01T00:00:03Z stdout F o',
    '2026-01-01T00:00:04Z stdout P thr',
  ];
  const tails: [count: number, from: number][] = [
    [0, 4],
    [1, 3],
    [2, 1],
    [3, 0],
    [9, 0],
  ];
  for (const [count, from] of tails) assert.deepEqual(lastLines(raw, count), raw.slice(from), String(count));
  const at = new Date('2026-01-01T00:00:05Z');
  const render = (options: object) => raw.map((line) => selectLines({ timestamps: false, ...options }, at).render(line) ?? '').join('');
  assert.equal(render({}), 'one\ntwo\nthr');
  assert.equal(render({ sinceSeconds: 2 }), 'o\nthr');
  assert.equal(render({ sinceTime: '2026-01-01T00:00:04Z' }), 'thr');
  assert.equal(render({ sinceTime: '2026-01-01T00:00:04Z', timestamps: true }), '2026-01-01T00:00:04Z thr');
});

test('a follower sees every line once, across rotations, and ends with the log', async () => {
  const path = join(folder, 'rotating');
  const log = createContainerLog(path, now, 2000);
  log.write('stdout', Buffer.from('early\n'));
  const following = text(readLog(path, log, { ...plain, follow: true }, now(), never));
  const expected = ['early'];
  for (let index = 0; index < 200; index++) {
    log.write(index % 2 === 0 ? 'stdout' : 'stderr', Buffer.from(`line ${index}\n`));
    expected.push(`line ${index}`);
    // A follower keeps up between two rotations, as a real one does with 10 MB files.
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
  }
  log.write('stdout', Buffer.from('no newline'));
  log.close();
  log.write('stdout', Buffer.from('too late\n'));
  assert.equal(await following, `${expected.join('\n')}\nno newline`);
  assert.ok(log.generation() > 3);
  assert.ok(statSync(path).size <= 2000 && statSync(rotatedPath(path)).size <= 2000);
  // Afterwards both files are read, oldest first.
  assert.match(await text(readLog(path, undefined, plain, now(), never)), /^line \d+\n[\s\S]*line 199\nno newline$/);
  assert.equal(await text(readLog(path, undefined, { ...plain, tailLines: 1, follow: true }, now(), never)), 'no newline');
});
