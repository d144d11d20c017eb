import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseNetlink, renderBind } from './nflog-message.ts';

function attribute(type: number, value: Buffer): Buffer {
  const bytes = Buffer.alloc((4 + value.length + 3) & ~3);
  bytes.writeUInt16LE(4 + value.length, 0);
  bytes.writeUInt16LE(type, 2);
  value.copy(bytes, 4);
  return bytes;
}

function message(type: number, body: Buffer): Buffer {
  const header = Buffer.alloc(16);
  header.writeUInt32LE(16 + body.length, 0);
  header.writeUInt16LE(type, 4);
  return Buffer.concat([header, body]);
}

const generic = Buffer.from([2, 0, 0, 5]);
const one = message(
  0x400,
  Buffer.concat([
    generic,
    attribute(1, Buffer.from([8, 0, 2, 0])),
    attribute(3, Buffer.from('00000000655c3a9d0000000000061a80', 'hex')),
    attribute(4, Buffer.from([0, 0, 0, 7])),
    attribute(10, Buffer.from('D|I|0123456789ab\0')),
    attribute(9, Buffer.from([0x45, 0, 0, 20, 1])),
    attribute(12, Buffer.from([0, 0, 1, 2])),
  ]),
);

test('a datagram of two packets and an answer', () => {
  const parsed = parseNetlink(Buffer.concat([one, one, message(2, Buffer.from('f0ffffff', 'hex'))]));
  assert.deepEqual(
    parsed.map((entry) => entry.kind),
    ['packet', 'packet', 'answer'],
  );
  assert.deepEqual(parsed[0], {
    kind: 'packet',
    packet: {
      prefix: 'D|I|0123456789ab',
      payload: Uint8Array.from([0x45, 0, 0, 20, 1]),
      inputInterface: 7,
      sequence: 258,
      timestampMs: 0x655c3a9d * 1000 + 400,
    },
  });
  assert.deepEqual(parsed[2], { kind: 'answer', code: -16 });
});

test('bytes of any kind are read without throwing, and cut messages are left out', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      parseNetlink(Buffer.from(bytes));
    }),
  );
  fc.assert(
    fc.property(fc.nat({ max: one.length - 1 }), fc.nat({ max: one.length - 1 }), fc.nat({ max: 255 }), (length, at, value) => {
      assert.deepEqual(parseNetlink(one.subarray(0, length)), []);
      const changed = Buffer.from(one);
      changed[at] = value;
      parseNetlink(changed);
    }),
  );
});

test('the request to bind a group', () => {
  assert.equal(
    renderBind(5, 128).toString('hex'),
    [
      '400000000104050000000000' + '00000000', // 64 bytes, NFULNL_MSG_CONFIG, request with acknowledgement
      '00000005', // group
      '0500010001000000', // bind
      '0a000200000000800200' + '0000', // copy 128 bytes of each packet
      '0800040000000001', // after 10 ms
      '0800050000000032', // or 50 packets
      '060006000001' + '0000', // with sequence numbers
    ].join(''),
  );
});
