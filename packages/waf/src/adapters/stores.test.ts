import assert from 'node:assert/strict';
import { describe, mock, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { engineOf } from '../engine/testing.ts';
import type { CollectionStore } from '../engine/transaction/collections.ts';
import { MemoryStore } from '../engine/transaction/collections.ts';
import { SqliteStore } from './sqlite-store.ts';

const stores: readonly [string, (maxEntries?: number) => CollectionStore][] = [
  ['memory', (maxEntries) => new MemoryStore(maxEntries)],
  ['sqlite', (maxEntries) => new SqliteStore(':memory:', maxEntries)],
];
const connection = { clientAddress: '192.0.2.1', clientPort: 1, serverAddress: '192.0.2.2', serverPort: 80 };
const counting = `
SecRuleEngine On
SecAction "id:1,phase:1,nolog,pass,initcol:ip=%{REMOTE_ADDR},setvar:ip.hits=+1"
SecRule IP:hits "@gt 3" "id:2,phase:2,deny,status:429"
`;

for (const [name, make] of stores) {
  describe(`store in ${name}`, () => {
    test('members and collections end at their time', () => {
      const store = make();
      const members = [
        { key: 'a', value: '\xff\0', expiresMs: undefined },
        { key: 'b', value: '2', expiresMs: 1500 },
      ];
      store.save('ip', 'k\0\xfe', members, 1000, 2);
      assert.deepEqual(store.load('ip', 'k\0\xfe', 1499), members);
      assert.deepEqual(store.load('ip', 'k\0\xfe', 1500), members.slice(0, 1));
      assert.deepEqual(store.load('ip', 'k\0\xfe', 3000), []);
      assert.deepEqual(store.load('session', 'k\0\xfe', 1000), []);
    });

    test('the number of collections is bounded', () => {
      const store = make(10);
      for (let i = 0; i < 2000; i++) store.save('ip', String(i), [{ key: 'a', value: '1', expiresMs: undefined }], i, 3600);
      const left = Array.from({ length: 2000 }, (_, i) => store.load('ip', String(i), 2000).length).reduce((sum, n) => sum + n, 0);
      assert.ok(left <= 10, `${left} are left`);
    });

    test('requests that overlap count each other', () => {
      const engine = engineOf(counting, { store: make() });
      const open = Array.from({ length: 4 }, (_, index) => engine.transaction({ id: String(index), now: () => 1000, connection }));
      const head = { method: 'GET', uri: '/', protocol: 'HTTP/1.1', headers: [] };
      // All four have loaded the counter before the first one saves it.
      for (const transaction of open) assert.equal(transaction.requestHeaders(head), undefined);
      for (const transaction of open) transaction.finish();
      const next = engine.transaction({ id: 'next', now: () => 1000, connection });
      next.requestHeaders(head);
      assert.equal(next.requestBody()?.status, 429);
    });
  });
}

test('a file that cannot be written is one warning, and no request fails', () => {
  const warned = mock.method(process, 'emitWarning', () => {});
  try {
    const store = new SqliteStore(':memory:');
    store.close();
    for (const now of [1, 2]) store.save('ip', 'k', [], now, 60);
    assert.equal(warned.mock.callCount(), 1);
    assert.match(String(warned.mock.calls[0]!.arguments[0]), /^Collections cannot be kept in :memory:: /);
  } finally {
    warned.mock.restore();
  }
});

test('what is kept in memory does not hold on to the bodies it was cut from', () => {
  const store = new MemoryStore();
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const heldBytes = () => {
    collect();
    return process.memoryUsage().heapUsed;
  };
  const before = heldBytes();
  const bodyBytes = 4_000_000;
  for (let i = 0; i < 16; i++) {
    const cut = `${i}`.padEnd(bodyBytes, 'k').split('').join('').slice(0, 64);
    store.save('ip', cut, [{ key: cut, value: cut, expiresMs: undefined }], 0, 60);
  }
  const held = heldBytes() - before;
  assert.ok(held < bodyBytes * 4, `${held} bytes are held`);
  assert.equal(store.load('ip', '0'.padEnd(64, 'k'), 1).length, 1);
});
