// Where set-up keeps things, and who they belong to.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/** The calling user's home: under sudo that of the user who typed it. */
export function userHome() {
  const sudoUser = process.env.SUDO_USER;
  if (!sudoUser || process.getuid?.() !== 0) return homedir();
  const entry = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((line) => line.startsWith(`${sudoUser}:`));
  return entry?.split(':')[5] ?? homedir();
}

/** Tools and downloads; may be deleted at any time. PALISADE_CACHE overrides. */
export function cacheDir() {
  if (process.env.PALISADE_CACHE) return process.env.PALISADE_CACHE;
  const base = process.env.SUDO_USER ? undefined : process.env.XDG_CACHE_HOME;
  return join(base ?? join(userHome(), '.cache'), 'palisade');
}

/** Makes a folder; under sudo it and the folders above it that had to be made belong to the calling user. */
export function makeUserDir(path) {
  const first = mkdirSync(path, { recursive: true });
  if (first) giveToUser(first);
}

/** Under sudo, hand what was just written to the calling user. */
export function giveToUser(path) {
  const { SUDO_UID, SUDO_GID } = process.env;
  if (!SUDO_UID || !SUDO_GID || process.getuid?.() !== 0) return;
  execFileSync('chown', ['-hR', `${SUDO_UID}:${SUDO_GID}`, path]);
}
