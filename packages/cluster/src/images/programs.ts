import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

/** Our own programs that run in containers, by the name of their bundle. Threads they start are entries too. */
const entries: Readonly<Record<string, string>> = {
  agent: 'packages/agent/src/main.ts',
  proxy: 'packages/proxy/src/main.ts',
  istiod: 'packages/control-plane/src/main.ts',
  'palisade-waf': 'packages/waf/bin/palisade-waf.mjs',
  'judge-body.worker': 'packages/waf/src/adapters/judge-body.worker.ts',
};
/** Native: it stays where it was installed. */
const external = ['koffi'];
const keptMs = 7 * 24 * 3600 * 1000;

/**
 * Bundle the programs as plain JavaScript, `NAME.js` each, unless that was done for the same sources: a container then loads a few
 * files instead of hundreds, and nothing that strips types.
 *
 * @param cache holds one folder for each state of the sources; what nobody used for a week goes
 * @returns the folder
 * @throws esbuild's BuildFailure, with file and line
 */
export async function bundlePrograms(repositoryRoot: string, cache: string): Promise<string> {
  const folder = join(cache, stampOf(repositoryRoot));
  mkdirSync(cache, { recursive: true });
  if (!existsSync(folder)) {
    const fresh = mkdtempSync(join(cache, 'making-'));
    try {
      await bundleInto(fresh, repositoryRoot);
      renameSync(fresh, folder);
    } catch (error) {
      rmSync(fresh, { recursive: true, force: true });
      // Another cluster may have made the same at the same time: then that one holds.
      if (!existsSync(folder)) throw error;
    }
  }
  markUsed(folder);
  for (const name of readdirSync(cache)) {
    const age = Date.now() - (statSync(join(cache, name), { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    if (age > keptMs) rmSync(join(cache, name), { recursive: true, force: true });
  }
  return folder;
}

/** A cluster that runs for weeks says so each day: what it shows its containers must stay. */
export function markUsed(folder: string): void {
  const now = new Date();
  utimesSync(folder, now, now);
}

async function bundleInto(folder: string, repositoryRoot: string): Promise<void> {
  await build({
    absWorkingDir: repositoryRoot,
    entryPoints: Object.entries(entries).map(([out, file]) => ({ in: join(repositoryRoot, file), out })),
    outdir: folder,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: `node${process.versions.node}`,
    external,
    // For CommonJS dependencies that require a built-in module.
    banner: { js: `import { createRequire as $createRequire } from 'node:module';\nconst require = $createRequire(import.meta.url);` },
    logLevel: 'silent',
  });
  // Containers read it as whatever user they are.
  chmodSync(folder, 0o755);
}

/** Tells two states of the sources and the installed dependencies apart, by names, sizes and times. */
function stampOf(repositoryRoot: string): string {
  const hash = createHash('sha256').update(`${repositoryRoot}\n${JSON.stringify(entries)}\n`);
  const note = (path: string) => {
    const { size, mtimeMs } = statSync(path);
    hash.update(`${path} ${size} ${mtimeMs}\n`);
  };
  note(join(repositoryRoot, 'package-lock.json'));
  const packages = join(repositoryRoot, 'packages');
  for (const room of readdirSync(packages)) {
    note(join(packages, room, 'package.json'));
    for (const part of ['bin', 'src']) {
      const start = join(packages, room, part);
      if (!existsSync(start)) continue;
      for (const entry of readdirSync(start, { recursive: true, withFileTypes: true }))
        if (entry.isFile()) note(join(entry.parentPath, entry.name));
    }
  }
  return hash.digest('hex').slice(0, 16);
}
