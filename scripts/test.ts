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

/** Looks at the whole machine before and after: nobody else's cluster may come or go meanwhile. */
const runsAlone = (file: string) => file === 'e2e/host-untouched.test.ts' || (isLong && file.startsWith('e2e/'));
const alone = files.filter(runsAlone);
const others = files.filter((file) => !runsAlone(file));
let status = 0;
if (others.length > 0) status = status || run(['--test', '--test-concurrency=2', ...others]);
if (alone.length > 0) status = status || run(['--test', '--test-concurrency=1', ...alone]);
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
