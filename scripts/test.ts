/**
 * `npm test`: every test but the long ones, then the conformance suites. `--long` runs only the long ones (`*.long.test.ts`).
 * Names after the options narrow to packages or folders: `npm test -- packages/netpol`.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

const root = new URL('..', import.meta.url).pathname;
const args = process.argv.slice(2);
const isLong = args.includes('--long');
const wanted = args.filter((arg) => !arg.startsWith('-'));

const files = ['packages', 'e2e', 'conformance', 'bench', 'scripts']
  .flatMap((folder) => [...tests(folder)])
  .filter((file) => file.endsWith('.long.test.ts') === isLong)
  .filter((file) => wanted.length === 0 || wanted.some((name) => file.includes(name)))
  .sort();
if (files.length === 0) {
  console.error(`No ${isLong ? 'long ' : ''}test matches ${wanted.join(', ') || 'the tree'}.`);
  process.exit(1);
}
if (process.getuid?.() !== 0) console.log('Not root: tests that need network namespaces are skipped by name (try: sudo npm test).');

const isolated = files.filter((file) => file.startsWith('e2e/'));
const parallel = files.filter((file) => !file.startsWith('e2e/'));
let status = 0;
// Whole-cluster stories run alone, one after another: they would only measure each other.
if (parallel.length > 0) status = status || run(['--test', '--test-concurrency=2', ...parallel]);
if (isolated.length > 0) status = status || run(['--test', '--test-concurrency=1', ...isolated]);
if (wanted.length === 0 && !isLong) status = status || run(['conformance/run.ts']);
process.exit(status);

function run(command: string[]): number {
  return spawnSync(process.execPath, command, { cwd: root, stdio: 'inherit' }).status ?? 1;
}

function* tests(folder: string): Generator<string> {
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      if (!['node_modules', 'generated', 'testdata'].includes(entry.name)) yield* tests(path);
    } else if (entry.name.endsWith('.test.ts')) yield path;
  }
}
