// node_modules follows the lock file; the project's own Node comes from the npm package `node`.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { giveToUser, root } from './paths.mjs';

const modules = join(root, 'node_modules');
const stamp = join(modules, '.palisade-lock');

export function projectNode() {
  return join(modules, '.bin', 'node');
}

/** `npm ci` when the lock file changed or the installed Node does not run. */
export async function installModules(say, { onlyMissing }) {
  if (onlyMissing && existsSync(projectNode())) return;
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock && existsSync(projectNode())) return;
  say('setup: installing npm packages (npm ci) …');
  const npm = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (npm.error || npm.status !== 0) {
    console.error(
      `setup: "npm ci" failed (${npm.error?.message ?? `exit code ${npm.status}`}). Fix what it says above and run the same command again.`,
    );
    process.exit(1);
  }
  if (!nodeRuns()) {
    console.error(
      'setup: the npm package "node" was installed but its binary does not run: were install scripts disabled? Try "npm rebuild node".',
    );
    process.exit(1);
  }
  writeFileSync(stamp, lock);
  giveToUser(modules);
}

function nodeRuns() {
  const version = spawnSync(projectNode(), ['--version'], { encoding: 'utf8' });
  return version.status === 0 && version.stdout.startsWith('v24.');
}
