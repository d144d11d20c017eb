import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { bundlePrograms, markUsed } from './programs.ts';

/** A repository of the same shape, whose programs say a word. */
function sampleRepository(folder: string): string {
  const root = join(folder, 'repository');
  for (const file of [
    'packages/agent/src/main.ts',
    'packages/proxy/src/main.ts',
    'packages/control-plane/src/main.ts',
    'packages/waf/bin/palisade-waf.mjs',
    'packages/waf/src/adapters/judge-body.worker.ts',
  ]) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), "console.log('one');\n");
  }
  for (const room of readdirSync(join(root, 'packages'))) writeFileSync(join(root, 'packages', room, 'package.json'), '{}');
  writeFileSync(join(root, 'package-lock.json'), '{}');
  return root;
}

test('bundles are made once for the same sources, and anew for changed ones', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'palisade-programs-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const root = sampleRepository(folder);
  const cache = join(folder, 'cache');
  const first = await bundlePrograms(root, cache);
  assert.deepEqual(readdirSync(first).sort(), ['agent.js', 'istiod.js', 'judge-body.worker.js', 'palisade-waf.js', 'proxy.js']);
  writeFileSync(join(first, 'mark'), '');
  assert.equal(await bundlePrograms(root, cache), first);
  assert.ok(readdirSync(first).includes('mark'), 'not made again');

  writeFileSync(join(root, 'packages/proxy/src/main.ts'), "console.log('another');\n");
  const second = await bundlePrograms(root, cache);
  assert.notEqual(second, first);
  assert.deepEqual(readdirSync(cache).length, 2, 'a running cluster still has the first');
  utimesSync(first, 0, 0);
  markUsed(first);
  await bundlePrograms(root, cache);
  assert.equal(readdirSync(cache).length, 2, 'a cluster that has run for long said that it uses the first');
  utimesSync(first, 0, 0);
  await bundlePrograms(root, cache);
  assert.deepEqual(readdirSync(cache), [second.slice(cache.length + 1)], 'what nobody used for a week is gone');
});

test('sources that cannot be bundled leave nothing behind but their error', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'palisade-programs-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const root = sampleRepository(folder);
  writeFileSync(join(root, 'packages/agent/src/main.ts'), 'const = 1;\n');
  await assert.rejects(bundlePrograms(root, join(folder, 'cache')), /packages\/agent\/src\/main\.ts:1:6/);
  assert.deepEqual(readdirSync(join(folder, 'cache')), []);
});

test('a bundled program loads later what its source loads later', { timeout: 60_000 }, async (t) => {
  const root = new URL('../../../../', import.meta.url).pathname;
  // Where the modules are found that stay outside of bundles.
  const modules = join(root, 'node_modules', '.cache');
  mkdirSync(modules, { recursive: true });
  const folder = mkdtempSync(join(modules, 'palisade-programs-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const programs = await bundlePrograms(root, folder);
  const bootstrap = join(folder, 'bootstrap.yaml');
  writeFileSync(bootstrap, 'nodes:\n  id: n\n');
  const { status, stderr } = spawnSync(process.execPath, [join(programs, 'proxy.js'), '-c', bootstrap], { encoding: 'utf8' });
  assert.match(stderr, /bootstrap\.yaml: .*"nodes"/);
  assert.equal(status, 1);
});
