import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { removeTree } from './remove-tree.ts';

test('a large folder goes while others go on, and links are not followed', async () => {
  const root = mkdtempSync(join(tmpdir(), 'palisade-tree-'));
  try {
    const folder = join(root, '-rf folder');
    mkdirSync(folder);
    for (let number = 0; number < 2000; number++) writeFileSync(join(folder, String(number)), '');
    writeFileSync(join(root, 'kept'), '');
    symlinkSync(root, join(folder, 'link'));
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await removeTree(folder);
    clearInterval(timer);
    assert.ok(turns > 0);
    assert.equal(existsSync(folder), false);
    assert.equal(existsSync(join(root, 'kept')), true);
    await removeTree(folder);
  } finally {
    rmSync(root, { recursive: true });
  }
});
