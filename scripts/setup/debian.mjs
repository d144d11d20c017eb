// Debian packages without installing them: downloaded with private package lists, unpacked into a folder of the user's cache.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDir } from './paths.mjs';

/** @returns {boolean} whether this machine's package manager is apt */
export const hasApt = () => spawnSync('apt-get', ['--version']).status === 0;

/**
 * Downloads packages with what they depend on and the machine lacks, and unpacks them; `into` is emptied first.
 *
 * @param {readonly string[]} packages
 * @param {string} into
 * @returns {string | undefined} what went wrong, in one line; undefined when all is there
 */
export function unpackDebian(packages, into) {
  const apt = join(cacheDir(), `apt-${process.pid}`);
  for (const folder of ['lists/partial', 'archives/partial']) mkdirSync(join(apt, folder), { recursive: true });
  const options = [
    `Dir::State::lists=${join(apt, 'lists')}`,
    `Dir::Cache::archives=${join(apt, 'archives')}`,
    `Dir::Cache::pkgcache=`,
    `Dir::Cache::srcpkgcache=`,
    'Debug::NoLocking=1',
    'APT::Sandbox::User=',
    'APT::Update::Post-Invoke=',
    'APT::Update::Post-Invoke-Success=',
  ].flatMap((option) => ['-o', option]);
  const steps = [
    ['update', '-qq'],
    ['install', '-qq', '--download-only', '--reinstall', '--no-install-recommends', '--yes', ...packages],
  ];
  try {
    for (const step of steps) {
      const result = spawnSync('apt-get', [...options, ...step], { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } });
      if (result.status !== 0) return `"apt-get ${step.join(' ')}" failed: ${(result.stderr || result.error?.message || '').trim()}`;
    }
    rmSync(into, { recursive: true, force: true });
    mkdirSync(into, { recursive: true });
    for (const archive of readdirSync(join(apt, 'archives')).filter((name) => name.endsWith('.deb'))) {
      const result = spawnSync('dpkg-deb', ['-x', join(apt, 'archives', archive), into], { encoding: 'utf8' });
      if (result.status !== 0) return `cannot unpack ${archive}: ${result.stderr.trim()}`;
    }
    return undefined;
  } finally {
    rmSync(apt, { recursive: true, force: true });
  }
}
