#!/usr/bin/env node
// The `palisade` command: any Node >= 18 starts it; what it runs is TypeScript on the project's own Node 24.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { refuseWithoutCluster } from '../../../scripts/setup/preflight.mjs';
import { setup } from '../../../scripts/setup.mjs';

// Only what starts a cluster brings everything up to date; `--help` or `flows` take what is there.
const startsCluster = ['up', 'demo'].includes(process.argv[2] ?? '');
if (startsCluster && !process.argv.includes('--help')) refuseWithoutCluster(`npx palisade ${process.argv.slice(2).join(' ')}`);
const { node, env } = await setup({
  tools: startsCluster,
  peers: process.argv[2] === 'demo' ? ['mongo'] : [],
  onlyMissing: !startsCluster,
  quiet: process.argv.includes('--json'),
});
const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const child = spawn(node, ['--disable-warning=ExperimentalWarning', main, ...process.argv.slice(2)], {
  stdio: 'inherit',
  // A command that asks a question would spend most of its time on compiling what it is made of.
  env: { ...env, NODE_COMPILE_CACHE: join(env.PALISADE_CACHE, 'compile-cache') },
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(signal ? 1 : (code ?? 1)));
