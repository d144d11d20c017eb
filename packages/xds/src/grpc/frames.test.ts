import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createFrameReader, encodeFrame, FrameError } from './frames.ts';

test('messages come out as they went in, wherever chunks end', () => {
  const message = fc.uint8Array({ maxLength: 40 });
  fc.assert(
    fc.property(fc.array(message, { maxLength: 6 }), fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }), (sent, sizes) => {
      const wire = Buffer.concat(sent.map(encodeFrame));
      const got: Uint8Array[] = [];
      const read = createFrameReader(40, (each) => got.push(each));
      for (let at = 0, turn = 0; at < wire.length; turn++) {
        const end = at + sizes[turn % sizes.length]!;
        read(wire.subarray(at, end));
        at = end;
      }
      assert.deepEqual(
        got.map((each) => [...each]),
        sent.map((each) => [...each]),
      );
    }),
  );
});

test('a message over the limit and a compressed one are refused by their first five bytes', () => {
  const read = () => createFrameReader(10, () => assert.fail('a message'));
  assert.throws(() => read()(Uint8Array.of(0, 0, 0, 0, 11)), FrameError);
  assert.throws(() => read()(Uint8Array.of(1, 0, 0, 0, 1)), FrameError);
});

test('a large message in small chunks is put together once', (t) => {
  const concat = t.mock.method(Buffer, 'concat');
  const sent = new Uint8Array(1 << 20).fill(7);
  const wire = encodeFrame(sent);
  let got: Uint8Array | undefined;
  const read = createFrameReader(sent.length, (message) => {
    got = message;
  });
  for (let at = 0; at < wire.length; at += 1024) read(wire.subarray(at, at + 1024));
  assert.equal(got?.length, sent.length);
  assert.ok(concat.mock.callCount() <= 3, `${concat.mock.callCount()} times`);
});
