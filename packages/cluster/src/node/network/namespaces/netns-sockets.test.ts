import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readlinkSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { isolated } from '../testing/isolate.ts';
import { inNamespace, ipBatch, netnsPath, run } from './namespace.ts';
import { connectIn, listenIn, udpIn } from './netns-sockets.ts';

isolated(import.meta.filename, () => {
  const red = netnsPath('red');
  const blue = netnsPath('blue');

  before(async () => {
    await ipBatch(undefined, ['netns add red', 'netns add blue']);
    for (const path of [red, blue]) await ipBatch(path, ['link set dev lo up']);
  });
  after(async () => {
    await ipBatch(undefined, ['netns del red', 'netns del blue']);
  });

  for (const host of ['127.0.0.1', '::1']) {
    test(`TCP to ${host} reaches the listener of the same namespace only`, async () => {
      const server = await listenIn(red, host, 0, (socket) => socket.end('red'));
      const { port } = server.address() as AddressInfo;
      const connection = await connectIn(red, host, port, 1000);
      const [data] = await once(connection, 'data');
      assert.equal(String(data), 'red');
      connection.destroy();
      await assert.rejects(connectIn(blue, host, port, 1000), { code: 'ECONNREFUSED' });
      server.close();
      await once(server, 'close');
    });

    test(`UDP to ${host}`, async () => {
      const server = await udpIn(red, host, 0);
      const client = await udpIn(red, host, 0);
      server.on('message', (bytes, from) => server.send(`echo ${bytes}`, from.port, from.address));
      client.send('hello', server.address().port, host);
      const [answer] = await once(client, 'message');
      assert.equal(String(answer), 'echo hello');
      server.close();
      client.close();
    });
  }

  test('the thread is back home after success and after failure', () => {
    const home = readlinkSync('/proc/thread-self/ns/net');
    assert.notEqual(
      inNamespace(red, () => readlinkSync('/proc/thread-self/ns/net')),
      home,
    );
    assert.throws(() =>
      inNamespace(red, () => {
        throw new Error('inside');
      }),
    );
    assert.throws(() => inNamespace(netnsPath('absent'), () => 0), { code: 'ENOENT' });
    assert.equal(readlinkSync('/proc/thread-self/ns/net'), home);
  });

  test('a child process lives in the namespace it was started in', async () => {
    const seen = await run('readlink', ['/proc/self/ns/net'], { netns: red });
    assert.equal(
      seen.trim(),
      inNamespace(red, () => readlinkSync('/proc/thread-self/ns/net')),
    );
  });

  test('a connection nobody answers ends with ETIMEDOUT', async () => {
    await ipBatch(blue, [
      'link add name d0 type veth peer name d1 netns red',
      'link set dev d0 up',
      'addr add 192.0.2.1/24 dev d0',
      'neigh replace 192.0.2.9 lladdr 02:00:00:00:00:09 dev d0 nud permanent',
    ]);
    await ipBatch(red, ['link set dev d1 up']);
    await assert.rejects(connectIn(blue, '192.0.2.9', 80, 100), { code: 'ETIMEDOUT' });
    const giveUp = new AbortController();
    const attempt = connectIn(blue, '192.0.2.9', 80, 60_000, giveUp.signal);
    giveUp.abort();
    await assert.rejects(attempt, /given up/);
    await assert.rejects(connectIn(blue, '192.0.2.9', 80, 60_000, giveUp.signal), /given up/);
  });

  test('a name is refused', async () => {
    await assert.rejects(connectIn(red, 'localhost', 80, 100), /expected an IPv4 or IPv6 address/);
  });
});
