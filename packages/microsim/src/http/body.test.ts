import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createBodyReader } from './body.ts';
import { parseHead } from './head.ts';

const headers = (entries: Record<string, string>) => new Map(Object.entries(entries));

function cut(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [...new Set(cuts.map((at) => at % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...places].map((start, index) => bytes.subarray(start, places[index] ?? bytes.length));
}

test('chunked content survives any cut', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 })), fc.array(fc.nat()), (chunks, cuts) => {
      const wire = Buffer.concat([
        ...chunks.flatMap((chunk) => [Buffer.from(`${chunk.length.toString(16)};x=y\r\n`), Buffer.from(chunk), Buffer.from('\r\n')]),
        Buffer.from('0\r\nTrailer: 1\r\n\r\n'),
      ]);
      const reader = createBodyReader(headers({ 'transfer-encoding': 'gzip, chunked' }), 'empty');
      const content = Buffer.concat(cut(wire, cuts).map((part) => reader.read(part)));
      assert.deepEqual(content, Buffer.concat(chunks));
      assert.ok(reader.isComplete);
    }),
  );
});

test('lengths, and bytes past them ignored', () => {
  const reader = createBodyReader(headers({ 'content-length': '3' }), 'until-close');
  assert.equal(Buffer.concat([reader.read(Buffer.from('ab')), reader.read(Buffer.from('cd'))]).toString(), 'abc');
  assert.ok(reader.isComplete);
  assert.ok(createBodyReader(headers({}), 'empty').isComplete);
  assert.ok(!createBodyReader(headers({}), 'until-close').isComplete);
});

test('broken framing is refused', () => {
  assert.throws(() => createBodyReader(headers({ 'content-length': '-1' }), 'empty'));
  for (const wire of ['x\r\n', '1\r\nab\r\n', `${'0'.repeat(9000)}`]) {
    assert.throws(() => createBodyReader(headers({ 'transfer-encoding': 'chunked' }), 'empty').read(Buffer.from(wire)), wire.slice(0, 9));
  }
});

test('heads: complete, incomplete, unreadable', () => {
  const head = parseHead(Buffer.from('GET /a HTTP/1.1\r\nHost:  x \r\n\r\nrest'));
  assert.deepEqual([head?.start, head?.headers.get('host'), head?.end], [['GET', '/a', 'HTTP/1.1'], 'x', 30]);
  assert.equal(parseHead(Buffer.from('GET /a HT')), undefined);
  assert.equal(parseHead(Buffer.from('GET\r\n\r\n')), null);
  assert.equal(parseHead(Buffer.from('GET / HTTP/1.1\r\n folded\r\n\r\n')), null);
  assert.equal(parseHead(Buffer.alloc(70_000, 'a')), null);
  fc.assert(fc.property(fc.uint8Array(), (bytes) => void parseHead(Buffer.from(bytes))));
});
