// cyclonus, whose truth tables the suites `cyclonus` and `cyclonus-packets` take: built from its Go module. Made only for those who
// ask for it (`node scripts/setup/cyclonus.mjs`): some minutes.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { cacheDir, giveToUser, makeUserDir } from './paths.mjs';

const version = 'v0.5.6';
const folder = () => join(cacheDir(), 'peers', `cyclonus-${version}`);

/** @returns {string | undefined} path of the binary: CYCLONUS, the one made here, or one in PATH */
export function findCyclonus() {
  const folders = [folder(), ...(process.env.PATH ?? '').split(delimiter)];
  return [process.env.CYCLONUS, ...folders.map((one) => join(one, 'cyclonus'))].find((path) => path && existsSync(path));
}

/** @returns {string | undefined} undefined (and said why) when it could not be made */
export function installCyclonus(say) {
  if (existsSync(join(folder(), 'cyclonus'))) return findCyclonus();
  makeUserDir(folder());
  say(`setup: building cyclonus ${version} …`);
  const env = { ...process.env, GOBIN: folder(), GOFLAGS: '-trimpath -buildvcs=false' };
  const built = spawnSync('go', ['install', `github.com/mattfenwick/cyclonus/cmd/cyclonus@${version}`], { env, encoding: 'utf8' });
  giveToUser(folder());
  if (built.status === 0) return findCyclonus();
  const why = (built.stderr || built.error?.message || '').trim().slice(-2000);
  say(`setup: cannot build cyclonus: ${why}; what compares with it is skipped.`);
  return undefined;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  process.exitCode = installCyclonus((line) => console.error(line)) === undefined ? 1 : 0;
}
