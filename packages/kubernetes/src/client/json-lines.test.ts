import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { splitLines } from './json-lines.ts';

async function collect(chunks: Iterable<Uint8Array>, maxBytes?: number): Promise<string[]> {
  async function* stream() {
    yield* chunks;
  }
  const lines: string[] = [];
  for await (const line of splitLines(stream(), maxBytes)) lines.push(line);
  return lines;
}

test('lines come out the same wherever the stream is cut', async () => {
  const line = fc.json().filter((text) => text.trim() === text && !text.includes('\n'));
  await fc.assert(
    fc.asyncProperty(
      fc.array(line, { maxLength: 8 }),
      fc.array(fc.nat({ max: 40 }), { maxLength: 30 }),
      fc.boolean(),
      async (lines, cuts, endsInFeed) => {
        const bytes = Buffer.from(lines.join('\n') + (endsInFeed ? '\n' : ''));
        const chunks: Uint8Array[] = [];
        let at = 0;
        for (const cut of cuts) {
          chunks.push(bytes.subarray(at, at + cut));
          at += cut;
        }
        chunks.push(bytes.subarray(at));
        assert.deepEqual(await collect(chunks), lines);
      },
    ),
  );
});

test('a character cut in two is put together again', async () => {
  const bytes = Buffer.from('"ä€𝄞"\n');
  assert.deepEqual(await collect([...bytes].map((byte) => Uint8Array.of(byte))), ['"ä€𝄞"']);
});

test('an endless line is refused', async () => {
  await assert.rejects(collect([Buffer.alloc(600, 65), Buffer.alloc(600, 65)], 1000), /longer than 1000 bytes/);
});
