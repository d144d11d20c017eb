// Entry of every npm script: plain JavaScript for any Node >= 18. Sets up what is missing, then runs the TypeScript
// behind it on the project's own Node 24.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { refuseWithoutCluster } from './setup/preflight.mjs';
import { setup } from './setup.mjs';

const tasks = {
  demo: ['packages/cli/src/main.ts', 'demo'],
  test: ['scripts/test.ts'],
  'test:long': ['scripts/test.ts', '--long'],
  check: ['scripts/check.ts'],
  conformance: ['conformance/run.ts'],
  bench: ['bench/run.ts'],
};

const [name, ...args] = process.argv.slice(2);
const task = tasks[name];
if (!task) {
  console.error(`Unknown task "${name}". Known: ${Object.keys(tasks).join(', ')}.`);
  process.exit(2);
}

if (name === 'demo') refuseWithoutCluster('npm run demo');
const root = fileURLToPath(new URL('..', import.meta.url));
const peers = name.startsWith('test') ? ['envoy', 'mongo'] : name === 'demo' ? ['mongo'] : [];
const environment = await setup({ tools: name !== 'check', peers, quiet: args.includes('--json') });
const child = spawn(environment.node, ['--disable-warning=ExperimentalWarning', ...task, ...args], {
  cwd: root,
  stdio: 'inherit',
  env: environment.env,
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(signal ? 1 : (code ?? 1)));
