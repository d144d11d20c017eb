/** What leaves a socket is what was meant, in as few writes as may be, and space is used again only when the socket has taken it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { connect as connectTls, createSecureContext, TLSSocket } from 'node:tls';
import fc from 'fast-check';
import { makeIdentities } from '../testing/mesh-bootstrap.ts';
import { copyBytes } from './copy-bytes.ts';
import { Outlet } from './outlet.ts';
import { readInto } from './shared-read.ts';
import { allocate } from './slab.ts';

/** More than the kernel takes for a reader who does not read. */
const messages = 2000;
const size = 9000;

/** Two sockets between which nothing is read until the sender waits. */
async function pair(t: TestContext, isTls: boolean): Promise<{ sender: Socket; receiver: Socket; outlet: Outlet; writes: () => Buffer[] }> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [accepted] = (await once(server, 'connection')) as [Socket];
  server.close();
  if (!isTls) return watched(t, accepted, client, false);
  const [identity] = await makeIdentities(['a']);
  const secureContext = createSecureContext({ cert: identity!.certPem, key: identity!.keyPem });
  const sender = new TLSSocket(accepted, { isServer: true, secureContext });
  const receiver = connectTls({ socket: client, rejectUnauthorized: false });
  await Promise.all([once(sender, 'secure'), once(receiver, 'secureConnect')]);
  return watched(t, sender, receiver, true);
}

function watched(t: TestContext, sender: Socket, receiver: Socket, isTls: boolean) {
  const write = t.mock.method(sender, 'write');
  t.after(() => {
    sender.destroy();
    receiver.destroy();
  });
  return { sender, receiver, outlet: new Outlet(sender, isTls), writes: () => write.mock.calls.map((call) => call.arguments[0] as Buffer) };
}

/** Calls back with the buffer that every read of the process shares, as the proxy does. */
async function readShared(t: TestContext, sent: Buffer, onBytes: (bytes: Buffer, length: number) => void): Promise<void> {
  const { sender, receiver } = await pair(t, false);
  const { promise, resolve } = Promise.withResolvers<void>();
  readInto(receiver, (bytes, length) => {
    onBytes(bytes, length);
    resolve();
  });
  sender.write(sent);
  await promise;
}

/** A head as the proxy renders it: cut from the slab. */
function headOf(text: string): Buffer {
  const head = allocate(text.length + 10);
  head.write(text, 'latin1');
  return head.subarray(0, text.length);
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

async function received(receiver: Socket, length: number): Promise<string> {
  let text = '';
  for await (const chunk of receiver.iterator({ destroyOnReturn: false })) {
    text += (chunk as Buffer).toString('latin1');
    if (text.length >= length) return text;
  }
  return text;
}

for (const isTls of [false, true]) {
  const name = isTls ? 'TLS' : 'plain';

  test(`a slow reader gets every byte as it was written, ${name}`, async (t) => {
    const { sender, receiver, outlet } = await pair(t, isTls);
    const source = Buffer.allocUnsafeSlow(size);
    let waited = 0;
    for (let n = 0; n < messages; n++) {
      // Every third finds the socket idle; the rest come behind one that may still be under way.
      if (n % 3 === 0) await turn();
      const cut = 100 + ((n * 37) % (size - 100));
      source.fill(n % 251);
      if (n % 4 === 0) outlet.write(allocate(size).fill(n % 251));
      else if (n % 4 === 1) outlet.content(source, 0, size, 0);
      else {
        // The rest comes at once, or when nobody waits for it any longer.
        outlet.begin(allocate(100).fill(n % 251), source, 100, cut, size - cut);
        if (n % 4 === 3) await turn();
        outlet.content(source, cut, size, 0);
      }
      source.fill(255);
      waited = Math.max(waited, sender.writableLength);
    }
    // The next to use the space writes something else.
    for (let n = 0; n < 100; n++) allocate(size).fill(255);
    assert.ok(waited > 1024 * 1024, `the reader was to be too slow, but only ${waited} bytes waited`);
    sender.end();
    const all = Buffer.concat(await receiver.toArray());
    assert.equal(all.length, messages * size);
    for (let n = 0; n < messages; n++) {
      const part = all.subarray(n * size, (n + 1) * size);
      assert.ok(
        part.every((byte) => byte === n % 251),
        `message ${n}`,
      );
    }
  });

  test(`head and content are one write; ${isTls ? 'TLS is given' : 'the kernel may not keep'} the buffer they were read into`, async (t) => {
    const { receiver, outlet, writes } = await pair(t, isTls);
    // The head is longer than what stood in its place.
    const head = `HTTP/1.1 200 OK\r\nx: ${'h'.repeat(300)}\r\n\r\n`;
    await readShared(t, Buffer.from(`HEAD${'c'.repeat(40_000)}`), (bytes, length) => {
      outlet.begin(headOf(head), bytes, 4, length, 0);
      assert.equal(writes()[0]?.buffer === bytes.buffer, isTls);
      bytes.fill(0);
    });
    assert.equal(writes().length, 1);
    const text = await received(receiver, head.length);
    assert.ok(text.startsWith(`${head}ccc`));
    assert.doesNotMatch(text, /\0/);
  });
}

test('what was taken at once leaves its space to the next message', async (t) => {
  const { outlet } = await pair(t, false);
  const first = allocate(100);
  outlet.write(first);
  assert.equal(allocate(50).byteOffset, first.byteOffset);
  const [kept, next] = [allocate(10), allocate(10)];
  outlet.write(kept);
  assert.notEqual(allocate(10).byteOffset, next.byteOffset, 'another piece lies behind it');
});

test('plain: content that is announced is waited for until the events of the moment are over, and no longer', async (t) => {
  const { receiver, outlet, writes } = await pair(t, false);
  const content = Buffer.from('0123456789');
  outlet.begin(headOf('head '), content, 0, 4, 6);
  outlet.content(content, 4, 7, 3);
  assert.equal(writes().length, 0);
  outlet.content(content, 7, 10, 0);
  assert.equal(writes().length, 1, 'the message is whole');
  outlet.begin(headOf('head '), content, 0, 4, 6);
  await turn();
  assert.equal(writes().length, 2, 'the rest did not come in time');
  outlet.content(content, 4, 10, 0);
  assert.equal(writes().length, 3);
  assert.equal(await received(receiver, 30), 'head 0123456789head 0123456789');
});

test('plain: what else is written comes behind what was gathered', async (t) => {
  const { receiver, outlet } = await pair(t, false);
  outlet.begin(headOf('head '), Buffer.from('half'), 0, 4, 100);
  outlet.write(Buffer.from(' end'));
  assert.equal(await received(receiver, 13), 'head half end');
});

test('property: bytes are copied as they are, wherever they lie', () => {
  const source = Buffer.from(Array.from({ length: 20_000 }, (_, index) => index % 251));
  const offset = fc.integer({ min: 0, max: 64 });
  fc.assert(
    fc.property(offset, offset, fc.integer({ min: 0, max: 19_000 }), (start, at, length) => {
      const to = Buffer.alloc(20_000);
      copyBytes(source, start, start + length, to, at);
      assert.ok(to.subarray(at, at + length).equals(source.subarray(start, start + length)));
      assert.ok(to.subarray(at + length).every((byte) => byte === 0));
    }),
  );
});
