import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { KubernetesObject } from '@palisade/kubernetes';
import fc from 'fast-check';
import type { StoreEvent } from './event-log.ts';
import { ObjectStore, StoreConflict } from './object-store.ts';

const object = (name: string, data = ''): KubernetesObject => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data });

function open(path = ':memory:', maxEvents = 100, maxChanges = 10_000): ObjectStore {
  return new ObjectStore({ path, limits: { maxEvents, maxChars: 1e6 }, history: { maxChanges, maxChars: 1e6 } });
}

test('a write is seen at once and survives a restart without close', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'palisade-store-'));
  try {
    const path = join(directory, 'state.db');
    const first = open(path);
    first.create('configmaps', 'a', 'x', object('x', '1'));
    const updated = first.update('configmaps', 'a', 'x', object('x', '2'), 1);
    first.create('configmaps', 'a', 'gone', object('gone'));
    first.delete('configmaps', 'a', 'gone', 3);
    assert.equal(updated.object.metadata.resourceVersion, '2');
    await first.settled();
    // No close: the second connection reads what a killed process leaves.
    const second = open(path);
    assert.equal(second.revision, 4);
    assert.deepEqual(
      second.list('configmaps').map((entry) => [entry.name, entry.rv, entry.object['data']]),
      [['x', 2, '2']],
    );
    assert.equal(second.create('configmaps', 'a', 'y', object('y')).rv, 5);
    second.close();
    first.close();
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('writes are refused on existence, absence and version', () => {
  const store = open();
  store.create('configmaps', 'a', 'x', object('x'));
  const refused = (kind: string, act: () => unknown) =>
    assert.throws(act, (error) => error instanceof StoreConflict && error.kind === kind);
  refused('exists', () => store.create('configmaps', 'a', 'x', object('x')));
  refused('missing', () => store.update('configmaps', 'a', 'y', object('y'), 1));
  refused('modified', () => store.update('configmaps', 'a', 'x', object('x'), 7));
  refused('modified', () => store.delete('configmaps', 'a', 'x', 7));
  assert.equal(store.revision, 1);
  store.close();
});

test('a failed commit puts memory back and tells the writers', async () => {
  let fail: (() => void) | undefined;
  const store = new ObjectStore({ path: ':memory:', schedule: (commit) => (fail = commit) });
  store.create('configmaps', 'a', 'kept', object('kept', 'old'));
  fail!();
  await store.settled();
  // A value SQLite cannot bind makes the transaction fail after its first row.
  store.update('configmaps', 'a', 'kept', object('kept', 'new'), 1);
  store.create('configmaps', 'a', 'lost', object('lost'));
  store.create(Symbol('bad') as unknown as string, 'a', 'bad', object('bad'));
  const settled = store.settled();
  fail!();
  await assert.rejects(settled);
  assert.equal(store.get('configmaps', 'a', 'kept')?.object['data'], 'old');
  assert.equal(store.get('configmaps', 'a', 'lost'), undefined);
  assert.equal(store.log('configmaps').nextSeq, 1);
  store.close();
});

test('watchers hear of a change only after its commit', async () => {
  const store = open();
  let heard = 0;
  store.log('configmaps').subscribe(() => heard++);
  store.create('configmaps', 'a', 'x', object('x'));
  assert.equal(heard, 0);
  await store.settled();
  await new Promise(setImmediate);
  assert.equal(heard, 1);
  store.close();
});

test('the log forgets the oldest and says so', async () => {
  const store = open(':memory:', 3);
  for (let i = 0; i < 5; i++) store.create('configmaps', 'a', `x${i}`, object(`x${i}`));
  await store.settled();
  const log = store.log('configmaps');
  assert.equal(log.seqAfter(1), undefined);
  assert.deepEqual(
    log.read(log.seqAfter(2)!, 10)?.map((event) => event.entry.rv),
    [3, 4, 5],
  );
  assert.equal(log.read(0, 10), undefined);
  assert.deepEqual(log.read(log.seqAfter(5)!, 10), []);
  store.close();
});

test('property: listAt equals the list that was seen then', async () => {
  const step = fc.record({ name: fc.constantFrom('a', 'b', 'c', 'd'), namespace: fc.constantFrom('n', 'n-1', 'm'), remove: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.constantFrom('', 'n', 'm'), async (steps, listed) => {
      const store = open(':memory:', 1000);
      const seen: { rv: number; entries: string[] }[] = [];
      for (const { name, namespace, remove } of steps) {
        const current = store.get('t', namespace, name);
        if (current === undefined) store.create('t', namespace, name, object(name));
        else if (remove) store.delete('t', namespace, name, current.rv);
        else store.update('t', namespace, name, object(name, String(store.revision)), current.rv);
        seen.push({ rv: store.revision, entries: store.list('t', listed).map((entry) => entry.json) });
      }
      await store.settled();
      for (const { rv, entries } of seen)
        assert.deepEqual(
          store.listAt('t', listed, rv)?.map((entry) => entry.json),
          entries,
        );
      store.close();
    }),
    { numRuns: 50 },
  );
});

test('the past outlives the process up to its limit: a restart forgets only what is older', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'palisade-store-'));
  try {
    const path = join(directory, 'state.db');
    const first = open(path, 10_000, 600);
    for (let i = 0; i < 1100; i++) {
      store(first, `x${i % 50}`, i % 7 === 0);
      if (i % 512 === 511) await first.settled();
    }
    await first.settled();
    const second = open(path, 10_000);
    const from = 1024 - 600; // trimmed when 1,024 changes were in: the newest 600 stayed
    assert.equal(second.log('t').seqAfter(from - 1), undefined);
    const recalled = second.log('t').read(second.log('t').seqAfter(from)!, 2000)!;
    assert.deepEqual(recalled.map(flat), first.log('t').read(first.log('t').seqAfter(from)!, 2000)!.map(flat));
    assert.ok(recalled.some((event) => event.deleted));
    assert.deepEqual(second.log('never-used').read(second.log('never-used').seqAfter(from)!, 10), []);
    second.close();
    first.close();
  } finally {
    rmSync(directory, { recursive: true });
  }
});

function store(into: ObjectStore, name: string, remove: boolean): void {
  const current = into.get('t', 'n', name);
  if (current === undefined) into.create('t', 'n', name, object(name));
  else if (remove) into.delete('t', 'n', name, current.rv);
  else into.update('t', 'n', name, object(name, String(into.revision)), current.rv);
}

const flat = ({ deleted, entry, previous }: StoreEvent) => ({
  deleted,
  rv: entry.rv,
  json: entry.json,
  was: previous?.json,
  wasRv: previous?.rv,
});
