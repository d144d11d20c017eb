/** The real Envoy, when it is there, as judge of what we compile. */
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';

const folder = join(process.env['PALISADE_CACHE'] ?? join(homedir(), '.cache/palisade'), 'tools/envoy');
const candidates = [process.env['PALISADE_ENVOY'] ?? '', join(folder, 'envoy/_bin/envoy'), join(folder, 'envoy')];

/** @returns the path of its executable, undefined when the machine has none */
export function findEnvoy(): string | undefined {
  return candidates.find((path) => statSync(path, { throwIfNoEntry: false })?.isFile() === true);
}

/** Why there is none, for tests that need one; false: there is. */
export const withoutEnvoy: string | false =
  findEnvoy() === undefined && 'no Envoy: "node scripts/setup/envoy.mjs" fetches one, PALISADE_ENVOY names one';

/** For tests that `withoutEnvoy` does not skip. @returns what Envoy says against the configuration, undefined when it accepts it */
export function validateWithEnvoy(bootstrap: unknown): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'mesh-envoy-'));
  try {
    const file = join(folder, 'bootstrap.json');
    writeFileSync(file, JSON.stringify(bootstrap));
    // A file: Envoy opens /dev/stdout for the access log, and Node's pipes are sockets, which cannot be opened.
    const said = join(folder, 'said');
    const output = openSync(said, 'w');
    const options = ['--mode', 'validate', '-c', file, '--log-level', 'warning'];
    const run = spawnSync(findEnvoy()!, options, { stdio: ['ignore', output, output], timeout: 30_000 });
    closeSync(output);
    return run.status === 0 ? undefined : (readFileSync(said, 'utf8') || String(run.error)).slice(0, 2000);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
