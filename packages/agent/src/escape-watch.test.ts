import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { test } from 'node:test';
import { createEscapeWatch, parseConnections } from './escape-watch.ts';

const line = (local: string, remote: string, state: string, uid: number, inode: number) =>
  `   0: ${local} ${remote} ${state} 00000000:00000000 00:00000000 00000000 ${String(uid).padStart(5)}        0 ${inode} 1 0000000045f13928 20 4 30 10 -1`;
const pod = { namespace: 'shop', name: 'web-1' };
const v4 = '0501F40A:9C40';
const far = '077A640A:1F90';

test('tables: established connections of both families with who holds them', () => {
  const table = [
    '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode',
    line(v4, far, '01', 1337, 7),
    line('00000000:1F90', '00000000:0000', '0A', 1337, 8),
    line(v4, far, '06', 0, 0),
    line('0000000000000000FFFF00000501F40A:9C41', '0000000000000000FFFF0000077A640A:0050', '01', 0, 9),
    line('440200FD000001000000000005000000:9C42', 'B80D0120000000000000000001000000:0050', '01', 1000, 10),
  ].join('\n');
  assert.deepEqual(parseConnections(table), [
    { inode: 7, uid: 1337, local: { address: '10.244.1.5', port: 40_000 }, remote: { address: '10.100.122.7', port: 8080 } },
    { inode: 9, uid: 0, local: { address: '10.244.1.5', port: 40_001 }, remote: { address: '10.100.122.7', port: 80 } },
    { inode: 10, uid: 1000, local: { address: 'fd00:244:1::5', port: 40_002 }, remote: { address: '2001:db8::1', port: 80 } },
  ]);
});

test('this machine’s own table is read', { skip: process.platform === 'linux' ? false : 'reads /proc: npm test on Linux' }, async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const client = connect(port, '127.0.0.1');
  await once(client, 'connect');
  const found = parseConnections(readFileSync('/proc/net/tcp', 'utf8')).filter(({ remote }) => remote.port === port);
  assert.deepEqual(
    found.map(({ local, remote, uid }) => [local.port, remote.address, uid]),
    [[client.localPort, '127.0.0.1', process.getuid!()]],
  );
  client.destroy();
  server.close();
});

test('strangers of the proxy’s user: told once, at the second look; never the proxy’s own, other users, or what stays inside', () => {
  let table = '';
  let own = new Set<number>();
  const look = createEscapeWatch(1337, pod, { readTables: () => table, ownSockets: () => own, now: () => new Date(0) });
  table = [
    line(v4, far, '01', 1337, 7),
    line(v4, far, '01', 1337, 8),
    line(v4, far, '01', 0, 9),
    line(v4, '0100007F:3A98', '01', 1337, 10),
    line('0600007F:9C40', '0501F40A:1F90', '01', 1337, 11),
  ].join('\n');
  own = new Set([8]);
  assert.deepEqual(look(), [], 'it might have been the proxy’s and ended');
  const [flow, ...more] = look();
  assert.equal(more.length, 0);
  assert.match(flow!.reason, /past the mesh: a process of user 1337 that is not the proxy/);
  assert.deepEqual([flow!.source.pod, flow!.destination], ['web-1', { ip: '10.100.122.7', port: 8080 }]);
  assert.deepEqual(look(), [], 'once');
  table = '';
  look();
  table = line(v4, far, '01', 1337, 7);
  look();
  assert.equal(look().length, 1, 'another connection with a number used again');
});
