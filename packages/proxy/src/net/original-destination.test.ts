import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseSocketAddress } from './original-destination.ts';

const cache = process.env['PALISADE_CACHE'] ?? join(homedir(), '.cache', 'palisade');
const nft = [join(cache, 'tools/bin/nft'), '/usr/sbin/nft'].find((path) => existsSync(path));
const skip =
  process.platform !== 'linux' || process.getuid?.() !== 0
    ? 'network namespaces need root on Linux: sudo npm test'
    : nft === undefined
      ? 'no nft: "npm run setup" fetches one'
      : false;

test('redirected connections reach where they were going, in both families', { skip, timeout: 60_000 }, () => {
  const worker = new URL('original-destination.worker.ts', import.meta.url).pathname;
  const run = spawnSync('unshare', ['--net', process.execPath, '--disable-warning=ExperimentalWarning', worker, nft!], {
    encoding: 'utf8',
    timeout: 50_000,
  });
  assert.equal(run.status, 0, run.stderr);
  const [v4, v6, nobody, without] = JSON.parse(run.stdout) as string[];
  assert.equal(v4, '200 ::ffff:10.9.0.1 9000 from ::ffff:127.0.0.6');
  assert.equal(v6, '200 fd00::9 9000 from ::6');
  // Nobody listens on 9001 (control): the port is kept, not guessed.
  assert.match(nobody!, /^503 upstream connect error/);
  assert.equal(without, 'closed');
});

test('socket addresses as the kernel writes them', () => {
  const v4 = Buffer.from([2, 0, 0x23, 0x28, 10, 9, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
  assert.deepEqual(parseSocketAddress(v4, true), { address: '10.9.0.1', port: 9000 });
  const v6 = (...groups: number[]) => {
    const bytes = Buffer.alloc(28);
    bytes.writeUInt16BE(443, 2);
    groups.forEach((group, index) => void bytes.writeUInt16BE(group, 8 + index * 2));
    return parseSocketAddress(bytes, false).address;
  };
  assert.equal(v6(0xfd00, 0, 0, 0, 0, 0, 0, 9), 'fd00::9');
  assert.equal(v6(0x2001, 0xdb8, 0, 1, 0, 0, 0, 1), '2001:db8:0:1::1');
  assert.equal(v6(0, 0, 0, 0, 0, 0, 0, 1), '::1');
  assert.equal(v6(0, 0, 0, 0, 0, 0, 0, 0), '::');
  assert.equal(v6(1, 2, 3, 4, 5, 6, 7, 8), '1:2:3:4:5:6:7:8');
});
