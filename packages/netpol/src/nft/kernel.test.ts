import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const toolFolders = [process.env['PALISADE_CACHE'], join(homedir(), '.cache/palisade')]
  .filter((folder) => folder !== undefined)
  .map((folder) => join(folder, 'tools/bin'));
const PATH = [process.env['PATH'] ?? '', ...toolFolders, '/usr/sbin', '/sbin'].join(delimiter);

const missing = ['nft', 'ip', 'unshare', 'mount', 'setpriv'].filter(
  (tool) => !PATH.split(delimiter).some((folder) => existsSync(join(folder, tool))),
);

function reasonToSkip(): string | false {
  if (process.platform !== 'linux') return 'needs Linux: sudo npm test there';
  if (process.getuid?.() !== 0) return 'needs root: sudo npm test';
  if (missing.length > 0) return `needs ${missing.join(', ')}: npm run setup`;
  return spawnSync('unshare', ['--net', '--mount', '--pid', '--fork', 'nft', 'list', 'ruleset'], { env: { ...process.env, PATH } })
    .status === 0
    ? false
    : 'namespaces or nftables cannot be had here: npx palisade doctor says why';
}

describe('the table in a kernel', { skip: reasonToSkip() }, () => {
  it('decides real packets as evaluatePacket does, and ends what became forbidden', { timeout: 120_000 }, async () => {
    const lab = fileURLToPath(new URL('./kernel-lab.worker.ts', import.meta.url));
    const isolated = ['--pdeathsig', 'KILL', 'unshare', '--pid', '--mount', '--net', '--fork', '--kill-child', '--mount-proc'];
    const child = spawn('setpriv', [...isolated, process.execPath, lab], {
      env: { ...process.env, PATH },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    let errors = '';
    child.stdout.on('data', (chunk) => {
      output += chunk;
    });
    child.stderr.on('data', (chunk) => {
      errors += chunk;
    });
    try {
      await once(child, 'close');
    } finally {
      child.kill('SIGKILL');
    }
    const checks = output
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as { name: string; found: unknown; wanted: unknown });
    const wrong = checks.filter(({ found, wanted }) => found !== wanted);
    assert.deepEqual(wrong, [], errors);
    assert.equal(checks.at(-1)?.name, 'done', errors);
    // Both answers must have been seen, or the lab proves nothing.
    const compared = checks.filter(({ name }) => name.startsWith('selective'));
    assert.ok(compared.some(({ wanted }) => wanted === true) && compared.some(({ wanted }) => wanted === false));
  });
});
