/** Space is used again as soon as a socket has taken what was in it, and never before. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { connect as connectTls, createSecureContext, TLSSocket } from 'node:tls';
import { makeIdentities } from '../testing/mesh-bootstrap.ts';
import { allocate, send } from './slab.ts';

/** More than the kernel takes for a reader who does not read. */
const messages = 2000;
const size = 9000;

/** Two sockets between which nothing is read until the sender waits. */
async function pair(isTls: boolean): Promise<{ sender: Socket; receiver: Socket }> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [accepted] = (await once(server, 'connection')) as [Socket];
  server.close();
  if (!isTls) return { sender: accepted, receiver: client };
  const [identity] = await makeIdentities(['a']);
  const secureContext = createSecureContext({ cert: identity!.certPem, key: identity!.keyPem });
  const sender = new TLSSocket(accepted, { isServer: true, secureContext });
  const receiver = connectTls({ socket: client, rejectUnauthorized: false });
  await Promise.all([once(sender, 'secure'), once(receiver, 'secureConnect')]);
  return { sender, receiver };
}

for (const isTls of [false, true]) {
  test(`a slow reader gets every byte as it was written, ${isTls ? 'TLS' : 'plain'}`, async (t) => {
    const { sender, receiver } = await pair(isTls);
    t.after(() => {
      sender.destroy();
      receiver.destroy();
    });
    let waited = 0;
    for (let n = 0; n < messages; n++) {
      // Every third finds the socket idle; the rest come behind one that may still be under way.
      if (n % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
      const bytes = allocate(size).fill(n % 251);
      send(sender, bytes, isTls);
      waited = Math.max(waited, sender.writableLength);
    }
    // The next to use the space writes something else.
    for (let n = 0; n < 100; n++) allocate(size).fill(255);
    assert.ok(waited > 1024 * 1024, `the reader was to be too slow, but only ${waited} bytes waited`);
    sender.end();
    const received = Buffer.concat(await receiver.toArray());
    assert.equal(received.length, messages * size);
    for (let n = 0; n < messages; n++) {
      const part = received.subarray(n * size, (n + 1) * size);
      assert.ok(
        part.every((byte) => byte === n % 251),
        `message ${n}`,
      );
    }
  });
}

test('what was taken at once leaves its space to the next message', async (t) => {
  const { sender, receiver } = await pair(false);
  t.after(() => {
    sender.destroy();
    receiver.destroy();
  });
  const first = allocate(100);
  send(sender, first, false);
  assert.equal(allocate(50).byteOffset, first.byteOffset);
  const [kept, next] = [allocate(10), allocate(10)];
  send(sender, kept, false);
  assert.notEqual(allocate(10).byteOffset, next.byteOffset, 'another piece lies behind it');
});
