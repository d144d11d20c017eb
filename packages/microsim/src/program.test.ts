import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { programFiles } from './program.ts';

for (const [program, expected] of [
  ['server', /LISTEN_PORT="x": expected a whole number/],
  ['client', /REQUEST_URLS is missing/],
] as const) {
  test(`${program}: the plain files run and refuse a bad environment`, () => {
    const folder = mkdtempSync(join(tmpdir(), 'microsim-'));
    try {
      for (const file of programFiles(program)) {
        const path = join(folder, file.path);
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(path, file.content);
      }
      const run = spawnSync(process.execPath, [join(folder, `${program}.js`)], { env: { LISTEN_PORT: 'x' }, encoding: 'utf8' });
      assert.match(run.stderr, expected);
      assert.equal(run.status, 1);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}

test('making them says nothing on standard error', () => {
  const code = `import { programFiles } from '${new URL('program.ts', import.meta.url).href}'; programFiles('client');`;
  const run = spawnSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8' });
  assert.deepEqual([run.status, run.stderr], [0, '']);
});
