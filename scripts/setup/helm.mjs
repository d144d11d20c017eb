// Helm, built from its Go module into the user's cache for those who ask (`node scripts/setup/helm.mjs`): one of the clients that
// e2e/clients.test.ts brings to the embedded cluster.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { cacheDir, giveToUser, makeUserDir } from './paths.mjs';

const version = 'v3.18.6';
const folder = () => join(cacheDir(), 'peers', `helm-${version}`);
const binary = () => join(folder(), 'helm');

/** @returns {string | undefined} the path of the binary, when it is there */
export function findHelm() {
  return existsSync(binary()) ? binary() : undefined;
}

/** @returns {string | undefined} undefined (and said why) when it could not be built */
function installHelm(say) {
  if (findHelm() !== undefined) return binary();
  makeUserDir(folder());
  say(`setup: building Helm ${version} …`);
  const env = { ...process.env, GOFLAGS: '-trimpath -buildvcs=false', GOBIN: folder() };
  const built = spawnSync('go', ['install', '-ldflags', '-s -w', `helm.sh/helm/v3/cmd/helm@${version}`], { encoding: 'utf8', env });
  giveToUser(folder());
  if (built.status !== 0) say(`setup: cannot build Helm: ${(built.stderr || built.error?.message || '').trim().slice(-2000)}`);
  return findHelm();
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  process.exitCode = installHelm((line) => console.error(line)) === undefined ? 1 : 0;
}
