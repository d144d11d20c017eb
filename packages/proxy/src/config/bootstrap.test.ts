/** The file's name says what it holds. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readBootstrap } from './bootstrap.ts';

const files: readonly (readonly [name: string, text: string, expected: string | RegExp])[] = [
  ['a.json', '{"node":{"id":"n"}}', 'n'],
  ['a.yaml', 'node:\n  id: n # who asks\n', 'n'],
  ['a.yml', '{node: {id: n}}', 'n'],
  ['yaml.json', 'node:\n  id: n\n', /^Cannot read the bootstrap .*yaml\.json: /],
  ['unknown.json', '{"nodes":{}}', /^Cannot read the bootstrap .*unknown\.json: .*nodes/],
];

for (const [name, text, expected] of files) {
  test(`a bootstrap called ${name}`, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'palisade-bootstrap-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const file = join(folder, name);
    writeFileSync(file, text);
    if (typeof expected === 'string') assert.equal((await readBootstrap(file)).node?.id, expected);
    else await assert.rejects(readBootstrap(file), { name: 'ProxyError', message: expected });
  });
}
