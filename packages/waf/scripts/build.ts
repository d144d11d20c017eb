/**
 * The published form of the package, JavaScript (ESM) with types: `node packages/waf/scripts/build.ts FOLDER` writes a
 * folder for `npm pack`. FOLDER must be empty or absent.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const home = new URL('..', import.meta.url).pathname;
const root = new URL('../../..', import.meta.url).pathname;

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error('Usage: build.ts FOLDER');
const out = resolve(folder);
if (existsSync(out) && readdirSync(out).length > 0) throw new Error(`${out} is not empty: wanted a new folder`);
mkdirSync(out, { recursive: true });

const dist = join(out, 'dist');
const tsc = spawnSync(join(root, 'node_modules/.bin/tsc'), ['-p', join(home, 'tsconfig.build.json'), '--outDir', dist], {
  stdio: 'inherit',
});
if (tsc.status !== 0) throw new Error(`tsc ended with ${tsc.status}`);

// The compiler leaves `.ts` in declarations' imports; published, there are only `.js` and `.d.ts`.
for (const entry of readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
  if (!entry.endsWith('.d.ts')) continue;
  const file = join(dist, entry);
  writeFileSync(file, readFileSync(file, 'utf8').replace(/((?:from|import\()\s*['"]\.{1,2}\/[^'"]*)\.ts(['"])/g, '$1.js$2'));
}
mkdirSync(join(out, 'bin'));
const program = readFileSync(join(home, 'bin/palisade-waf.mjs'), 'utf8').replace('../src/cli/main.ts', '../dist/cli/main.js');
writeFileSync(join(out, 'bin/palisade-waf.mjs'), program, { mode: 0o755 });
copyFileSync(join(home, 'README.md'), join(out, 'README.md'));
copyFileSync(join(root, 'LICENSE'), join(out, 'LICENSE'));
cpSync(join(home, 'src/engine/libinjection/LICENSE-libinjection'), join(out, 'LICENSE-libinjection'));

interface Manifest {
  readonly exports: Readonly<Record<string, string>>;
  readonly [name: string]: unknown;
}
const { private: _, devDependencies: __, ...manifest } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as Manifest;
const published = (source: string, ending: string): string => source.replace('./src/', './dist/').replace(/\.ts$/, ending);
const exports = Object.fromEntries(
  Object.entries(manifest.exports).map(([name, source]) => [
    name,
    { types: published(source, '.d.ts'), default: published(source, '.js') },
  ]),
);
const json = { ...manifest, exports, engines: { node: '>=20' }, files: ['dist', 'bin', 'LICENSE-libinjection'] };
writeFileSync(join(out, 'package.json'), `${JSON.stringify(json, null, 2)}\n`);
