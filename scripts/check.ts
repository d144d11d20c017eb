/** `npm run check`: types, lint and format, dead code, dependency direction. Every step runs; any failure fails the whole. */
import { spawnSync } from 'node:child_process';
import { checkDependencyDirection } from './dependency-direction.ts';

const root = new URL('..', import.meta.url).pathname;
const bin = (name: string) => `${root}node_modules/.bin/${name}`;

const commands: [name: string, command: string[]][] = [
  ['types', [bin('tsc'), '--noEmit']],
  ['lint and format', [bin('biome'), 'check', '.']],
  ['dead code', [process.execPath, `${root}node_modules/knip/bin/knip.js`, '--no-progress', '--no-config-hints']],
];

let failed = 0;
for (const [name, [command, ...args]] of commands) {
  const started = performance.now();
  const result = spawnSync(command!, args, { cwd: root, stdio: 'inherit' });
  report(name, result.status === 0, started);
}
const started = performance.now();
const direction = checkDependencyDirection(root);
for (const violation of direction.violations) console.error(violation);
console.log(`${direction.modules} modules, ${direction.imports} imports between packages`);
report('dependency direction', direction.violations.length === 0 && direction.modules > 0, started);
process.exit(failed === 0 ? 0 : 1);

function report(name: string, ok: boolean, from: number) {
  if (!ok) failed++;
  console.log(`check ${name}: ${ok ? 'ok' : 'FAILED'} (${((performance.now() - from) / 1000).toFixed(1)} s)`);
}
