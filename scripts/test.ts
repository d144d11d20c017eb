/**
 * `npm test`: every test but the long ones, and the conformance suites beside them. `--long` runs only the long ones (`*.long.test.ts`).
 * Names after the options narrow to packages or folders: `npm test -- packages/netpol`.
 */
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

const root = new URL('..', import.meta.url).pathname;
const args = process.argv.slice(2);
const isLong = args.includes('--long');
const wanted = args.filter((arg) => !arg.startsWith('-'));
const nothing = { status: 0, output: '' };
/** Hundreds of processes load the same modules: they are compiled once. */
const cache = process.env['PALISADE_CACHE'];
const env = { ...process.env, ...(cache === undefined ? {} : { NODE_COMPILE_CACHE: join(cache, 'compile-cache') }) };

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

// Stories mostly wait, suites mostly compute: side by side they fill the cores.
const withSuites = wanted.length === 0 && !isLong;
const [tested, suites] = await Promise.all([
  others.length > 0 ? run([...testing(2), ...others], 'inherit') : nothing,
  withSuites ? run(['conformance/run.ts'], 'pipe') : nothing,
]);
const testedAlone = alone.length > 0 ? await run([...testing(1), ...alone], 'inherit') : nothing;
process.stdout.write(suites.output);
process.exit(tested.status || testedAlone.status || suites.status);

function testing(lanes: number): string[] {
  const reporters = ['spec', './scripts/slowest-files.ts'].flatMap((name) => [
    `--test-reporter=${name}`,
    '--test-reporter-destination=stdout',
  ]);
  return ['--test', `--test-concurrency=${lanes}`, ...reporters];
}

/** @param stdio `pipe` keeps what is said, in its order, for later */
async function run(args: readonly string[], stdio: 'inherit' | 'pipe'): Promise<typeof nothing> {
  const child = spawn(process.execPath, args, { cwd: root, env, stdio: ['ignore', stdio, stdio] });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  const status = await new Promise<number>((resolve, reject) => child.on('error', reject).on('close', (code) => resolve(code ?? 1)));
  return { status, output };
}

function* tests(folder: string): Generator<string> {
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      if (!['node_modules', 'generated', 'testdata'].includes(entry.name)) yield* tests(path);
    } else if (entry.name.endsWith('.test.ts')) yield path;
  }
}
