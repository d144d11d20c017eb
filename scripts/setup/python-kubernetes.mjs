// Python's `kubernetes` client in an environment of its own under the user's cache (`node scripts/setup/python-kubernetes.mjs`): one of
// the clients that e2e/clients.test.ts brings to the embedded cluster.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { cacheDir, giveToUser, makeUserDir } from './paths.mjs';

const folder = () => join(cacheDir(), 'peers', 'python-kubernetes');
const python = () => join(folder(), 'bin', 'python');

/** @returns {string | undefined} the Python that has the client, when there is one */
export function findPythonKubernetes() {
  if (!existsSync(python())) return undefined;
  return spawnSync(python(), ['-c', 'import kubernetes']).status === 0 ? python() : undefined;
}

/** @returns {string | undefined} undefined (and said why) when it could not be installed */
function installPythonKubernetes(say) {
  if (findPythonKubernetes() !== undefined) return python();
  makeUserDir(folder());
  for (const [command, args] of [
    ['python3', ['-m', 'venv', folder()]],
    [python(), ['-m', 'pip', 'install', '-q', 'kubernetes']],
  ]) {
    const result = spawnSync(command, args, { encoding: 'utf8' });
    if (result.status === 0) continue;
    say(`setup: "${command} ${args.join(' ')}" failed: ${(result.stderr || result.error?.message || '').trim().slice(-2000)}`);
    return undefined;
  }
  giveToUser(folder());
  return findPythonKubernetes();
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  process.exitCode = installPythonKubernetes((line) => console.error(line)) === undefined ? 1 : 0;
}
