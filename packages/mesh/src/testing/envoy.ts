/** The real Envoy, when it is there, as judge of what we compile. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';

const folder = join(process.env['PALISADE_CACHE'] ?? join(homedir(), '.cache/palisade'), 'tools/envoy');
const candidates = [process.env['PALISADE_ENVOY'] ?? '', join(folder, 'envoy/_bin/envoy'), join(folder, 'envoy')];

/** @returns the path of its executable, undefined when the machine has none */
export function findEnvoy(): string | undefined {
  return candidates.find((path) => statSync(path, { throwIfNoEntry: false })?.isFile() === true);
}

/** @returns what Envoy says against the configuration, undefined when it accepts it */
export function validateWithEnvoy(envoy: string, bootstrap: unknown): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'mesh-envoy-'));
  try {
    const file = join(folder, 'bootstrap.json');
    writeFileSync(file, JSON.stringify(bootstrap));
    const run = spawnSync(envoy, ['--mode', 'validate', '-c', file, '--log-level', 'warning'], { encoding: 'utf8', timeout: 30_000 });
    return run.status === 0 ? undefined : (run.stderr || String(run.error)).slice(0, 2000);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
