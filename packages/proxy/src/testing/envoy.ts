/** The real Envoy, given the same configuration as ours. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';

const cache = process.env['PALISADE_CACHE'] ?? join(homedir(), '.cache', 'palisade');
const binary = join(cache, 'tools', 'envoy', 'envoy', '_bin', 'envoy');
/** Why there is none, or false. */
export const withoutEnvoy = existsSync(binary) ? false : 'no Envoy: "node scripts/setup/envoy.mjs" fetches one';

export interface RunningEnvoy {
  readonly port: number;
  stop(): Promise<void>;
}

/** @param config of a bootstrap that listens on these two ports of loopback */
export async function startEnvoy(config: (listenPort: number, adminPort: number) => object): Promise<RunningEnvoy> {
  const [port, admin] = (await freePorts(2)) as [number, number];
  const folder = mkdtempSync(join(tmpdir(), 'palisade-envoy-'));
  const file = join(folder, 'envoy.json');
  writeFileSync(file, JSON.stringify(config(port, admin)));
  const child = spawn(binary, ['-c', file, '--concurrency', '1', '--use-dynamic-base-id', '--log-level', 'off'], { stdio: 'ignore' });
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    rmSync(folder, { recursive: true, force: true });
  };
  for (let attempt = 0; attempt < 300; attempt++) {
    if (await answers(port)) return { port, stop };
    if (child.exitCode !== null) break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await stop();
  throw new Error('Envoy does not listen: its configuration was refused, or it took more than 30 s');
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true));
    socket.on('error', () => resolve(false)).on('connect', () => socket.destroy());
  });
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  for (const server of servers) server.close();
  return ports;
}
