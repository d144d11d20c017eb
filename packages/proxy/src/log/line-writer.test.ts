import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { LineWriter } from './line-writer.ts';
import { LogFile } from './log-file.ts';

const content = (out: LineWriter) => out.bytes.toString('utf8', 0, out.at);
const anyText = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.string({ maxLength: 120 }),
  fc.stringMatching(/^[\x00-\xff]{0,120}$/),
);

test('property: text and JSON strings are what Node makes of them, behind one another, in a buffer that grows', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), anyText)), (parts) => {
      const out = new LineWriter(16);
      for (const [isQuoted, text] of parts) isQuoted ? out.quoted(text) : out.text(text);
      assert.equal(content(out), parts.map(([isQuoted, text]) => (isQuoted ? JSON.stringify(text) : text.toWellFormed())).join(''));
    }),
  );
});

test('a log file gets every line once and in order, those that came while others were written too', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'palisade-log-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'access.log');
  const dropped = { value: 0 };
  const file = new LogFile(path, dropped);
  const line = (n: number, out: LineWriter) => out.text(`${n} ${'x'.repeat(100)}\n`);
  for (let n = 0; n < 5000; n++) {
    file.add(line, n);
    if (n % 1000 === 999) await new Promise((resolve) => setImmediate(resolve));
  }
  await file.close();
  const lines = readFileSync(path, 'utf8').split('\n');
  assert.equal(lines.pop(), '');
  assert.deepEqual(
    lines.map((text) => Number.parseInt(text, 10)),
    Array.from({ length: 5000 }, (_, n) => n),
  );
  assert.equal(dropped.value, 0);
});

test('behind a write that takes long 8 MiB wait; more is dropped and counted', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'palisade-log-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'access.log');
  const dropped = { value: 0 };
  const file = new LogFile(path, dropped);
  const long = `${'x'.repeat(1024 * 1024 - 1)}\n`;
  // The first is being written; nothing of it can end before this function waits.
  for (let n = 0; n < 20; n++) file.add((text: string, out) => out.text(text), long);
  await file.close();
  assert.equal(dropped.value, 10);
  assert.equal(readFileSync(path).length, 10 * long.length);
});
