import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { localVolumes } from './local-volumes.ts';

test('only a folder directly below the cluster’s own is ever removed', async (t) => {
  const stateDir = mkdtempSync(join(tmpdir(), 'palisade-local-'));
  t.after(() => rmSync(stateDir, { recursive: true, force: true }));
  const { root, remove } = localVolumes(stateDir);
  for (const name of ['pvc-1', 'pvc-2']) mkdirSync(join(root, name), { recursive: true });
  writeFileSync(join(stateDir, 'kept'), '');
  for (const path of [root, `${root}/..`, `${root}/.`, `${root}/pvc-1/..`, `${root}/pvc-1/below`, stateDir])
    await assert.rejects(remove(path), /expected a folder directly below/, path);
  assert.ok(existsSync(join(stateDir, 'kept')));
  await remove(join(root, 'pvc-1'));
  assert.deepEqual(readdirSync(root), ['pvc-2']);
});
