import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BodyReader } from './body.ts';
import { requestFraming } from './framing.ts';
import { Field } from './head.ts';
import { parseRequestHead, parseResponseHead } from './parse-head.ts';
import { fieldsStart, renderHead } from './render.ts';

const text = 'POST /a?b HTTP/1.1\r\nHost: a\r\nContent-Length:  5 \r\nX-One: 1\r\nx-one:\t2\r\nX-Request-Id: r\r\n\r\nhello';

test('fields, their order and their values', () => {
  const bytes = Buffer.from(text);
  const result = parseRequestHead(bytes, 0, bytes.length);
  assert.ok(result?.ok);
  const { head, next } = result;
  assert.deepEqual([head.method, head.target, head.minor, head.count], ['POST', '/a?b', 1, 5]);
  assert.deepEqual([head.first(Field.host), head.first(Field.contentLength), head.first(Field.requestId)], ['a', '5', 'r']);
  assert.deepEqual(head.values(Buffer.from('x-one')), ['1', '2']);
  assert.equal(bytes.toString('latin1', next), 'hello');
  assert.deepEqual(requestFraming(head), { ok: true, framing: { kind: 'length', length: 5 } });
});

test('property: a beginning of a good head is never refused and never complete', () => {
  const end = text.indexOf('\r\n\r\n') + 4;
  for (let cut = 0; cut < end; cut++) assert.equal(parseRequestHead(Buffer.from(text.slice(0, cut)), 0, cut), undefined, `cut at ${cut}`);
});

test('the buffer may be overwritten once the head is read', () => {
  const bytes = Buffer.from(text);
  const result = parseRequestHead(bytes, 0, bytes.length);
  bytes.fill(0);
  assert.ok(result?.ok);
  assert.equal(result.head.first(Field.host), 'a');
});

test('property: random bytes are refused or incomplete, never thrown about', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 300 }),
      fc.constantFrom('', 'GET / HTTP/1.1\r\n', 'GET / HTTP/1.1\r\nHost: a\r\n'),
      (noise, start) => {
        const bytes = Buffer.concat([Buffer.from(start), noise]);
        parseRequestHead(bytes, 0, bytes.length);
        parseResponseHead(bytes, 0, bytes.length);
      },
    ),
  );
});

test('property: what is dropped is gone and the rest stays in order', () => {
  const names = ['Host', 'Connection', 'X-A', 'X-B', 'Keep-Alive', 'Accept'];
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.constantFrom(...names), fc.stringMatching(/^[a-z]{0,5}$/)), { maxLength: 8 }), (fields) => {
      const bytes = Buffer.from(`GET / HTTP/1.1\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`);
      const result = parseRequestHead(bytes, 0, bytes.length);
      assert.ok(result?.ok);
      const out = renderHead({
        head: result.head,
        firstLine: ['GET', ' / HTTP/1.1\r\n'],
        from: fieldsStart(result.head),
        drops: (1 << Field.connection) | (1 << Field.keepAlive),
        removed: ['x-b'],
        added: ['via: ', 'me', '\r\n'],
      });
      const kept = fields.filter(([name]) => !['Connection', 'Keep-Alive', 'X-B'].includes(name));
      const expected = `GET / HTTP/1.1\r\n${kept.map(([name, value]) => `${name}: ${value}\r\n`).join('')}via: me\r\n\r\n`;
      assert.equal(out.toString('latin1'), expected);
    }),
  );
});

test('property: chunks come out whole wherever the reads are cut, as content and as chunks again', () => {
  const wire = Buffer.from('5;x=y\r\nhello\r\nA\r\n0123456789\r\n0\r\nX-T: 1\r\nX-U: 2\r\n\r\nrest');
  const readAll = (rendersChunks: boolean, cuts: readonly number[]) => {
    const reader = new BodyReader({ kind: 'chunked' }, rendersChunks);
    const points = [...new Set([0, ...cuts, wire.length])].sort((a, b) => a - b);
    const out: Buffer[] = [];
    let used = 0;
    for (let i = 1; i < points.length && !reader.isDone; i++) {
      const { out: piece, next } = reader.read(wire, points[i - 1]!, points[i]!);
      out.push(piece);
      used = next;
    }
    assert.equal(reader.error, undefined);
    assert.equal(wire.toString('latin1', used, used + 4), 'rest');
    return Buffer.concat(out);
  };
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: wire.length }), { maxLength: 6 }), (cuts) => {
      assert.equal(readAll(false, cuts).toString(), 'hello0123456789');
      const again = readAll(true, cuts);
      assert.ok(again.toString().endsWith('\r\n0\r\nX-T: 1\r\nX-U: 2\r\n\r\n'), again.toString());
      const reader = new BodyReader({ kind: 'chunked' }, false);
      assert.equal(reader.read(again, 0, again.length).out.toString(), 'hello0123456789');
      assert.deepEqual([reader.isDone, reader.contentBytes], [true, 15]);
    }),
  );
});
