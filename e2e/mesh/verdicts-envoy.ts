/** The real Envoy with listeners at ports of its choice. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findEnvoy } from '@palisade/mesh/testing';

interface Status {
  readonly name: string;
  readonly local_address: { readonly socket_address: { readonly port_value: number } };
}

/** For tests that `withoutEnvoy` does not skip. @param count of its listeners. @returns the port of each by name */
export async function startEnvoy(bootstrap: object, count: number): Promise<{ ports: ReadonlyMap<string, number>; stop(): void }> {
  const folder = mkdtempSync(join(tmpdir(), 'palisade-verdicts-'));
  const [file, admin] = [join(folder, 'envoy.json'), join(folder, 'admin')];
  const address = { socket_address: { address: '127.0.0.1', port_value: 0 } };
  writeFileSync(file, JSON.stringify({ ...bootstrap, admin: { address } }));
  writeFileSync(admin, '');
  const options = ['--concurrency', '1', '--use-dynamic-base-id', '--log-level', 'error', '--admin-address-path', admin];
  const child = spawn(findEnvoy()!, ['-c', file, ...options], { stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  child.stderr.on('data', (part) => {
    log += part;
  });
  const stop = () => {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  };
  for (let attempt = 0; attempt < 600 && child.exitCode === null; attempt++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    const place = readFileSync(admin, 'utf8');
    if (place === '') continue;
    const answer = await fetch(`http://${place}/listeners?format=json`).then(
      (found) => found.json() as Promise<{ listener_statuses?: Status[] }>,
      () => undefined,
    );
    const statuses = answer?.listener_statuses ?? [];
    if (statuses.length === count)
      return { ports: new Map(statuses.map((one) => [one.name, one.local_address.socket_address.port_value])), stop };
  }
  stop();
  throw new Error(`Envoy does not start: ${log.slice(0, 1000)}`);
}
