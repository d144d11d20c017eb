/** `npm run bench [name…]`: one JSON line a measurement. Names match the beginning of a benchmark's name. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Bench } from './bench.ts';

const here = new URL('.', import.meta.url).pathname;
const wanted = process.argv.slice(2).filter((arg) => !arg.startsWith('-'));
const benches: Bench[] = [];
for (const file of readdirSync(here).sort()) {
  if (!file.endsWith('.ts') || file.endsWith('.test.ts') || ['run.ts', 'bench.ts'].includes(file)) continue;
  const module: { benches?: Bench[] } = await import(pathToFileURL(join(here, file)).href);
  benches.push(...(module.benches ?? []));
}
const chosen = benches.filter((bench) => wanted.length === 0 || wanted.some((name) => bench.name.startsWith(name)));
if (chosen.length === 0) {
  console.error(`No benchmark matches ${wanted.join(', ')}. Known: ${benches.map((bench) => bench.name).join(', ')}.`);
  process.exit(2);
}
for (const bench of chosen) await bench.run((measurement) => console.log(JSON.stringify(measurement)));
