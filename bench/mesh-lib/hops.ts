/** Two proxy processes in a row, Envoy's or ours, from the same bootstraps; CPU from the operating system's accounting. Both report requests. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttp2Server } from 'node:http2';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundlePrograms, meshProgramFlags } from '@palisade/cluster/images';
import { allowGetFrom, clientHop, serverHop, type TestIdentity } from '@palisade/proxy/testing';

const root = new URL('../..', import.meta.url).pathname;

/** Command line of the first or second proxy, whose bootstrap is in the file. */
type Launch = (file: string, index: number) => readonly string[];

/** As containers start it: bundled, with the same flags. The bundle lies where it finds what stays outside of it. */
export async function launchOurs(): Promise<Launch> {
  const programs = await bundlePrograms(root, join(root, 'node_modules', '.cache', 'palisade-bench'));
  return (file) => [process.execPath, ...meshProgramFlags, join(programs, 'proxy.js'), '-c', file];
}

export function launchEnvoy(binary: string): Launch {
  return (file, index) => {
    const id = (process.pid % 10_000) * 2 + index;
    return [binary, '-c', file, '--concurrency', '1', '--base-id', String(id), '--log-level', 'error'];
  };
}

/** What must not outlive this process, however it ends. */
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

export interface Hops {
  /** Plain entry of the client's sidecar, mutual TLS entry of the server's. */
  readonly plainPort: number;
  readonly tlsPort: number;
  /** Microseconds of both processes so far. */
  cpu(): number;
  rssMb(): number;
  stop(): Promise<void>;
}

export async function startHops(
  launch: Launch,
  upstreamPort: number,
  [client, server]: readonly [TestIdentity, TestIdentity],
): Promise<Hops> {
  const dir = mkdtempSync(join(tmpdir(), 'palisade-bench-'));
  const [plainPort, tlsPort, adminA, adminB] = (await freePorts(4)) as [number, number, number, number];
  const agentSocket = join(dir, 'agent.sock');
  const sink = await startSink(agentSocket);
  const configs = {
    a: clientHop(
      { listenPort: plainPort, adminPort: adminA, upstreamPort: tlsPort, logPath: join(dir, 'a.log'), statPrefix: 'out', agentSocket },
      client,
      [server.uri],
    ),
    b: serverHop(
      { listenPort: tlsPort, adminPort: adminB, upstreamPort, logPath: join(dir, 'b.log'), statPrefix: 'in', agentSocket },
      server,
      allowGetFrom(client.uri),
    ),
  };
  const children: ChildProcess[] = Object.entries(configs).map(([name, config], index) => {
    const file = join(dir, `${name}.json`);
    writeFileSync(file, JSON.stringify(config));
    const [command, ...args] = launch(file, index);
    const child = spawn(command!, args, { stdio: ['ignore', 'ignore', 'inherit'] });
    running.add(child);
    child.once('exit', () => running.delete(child));
    return child;
  });
  const stop = async () => {
    await Promise.all(
      children.map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        child.kill('SIGKILL');
        await once(child, 'exit');
      }),
    );
    sink.close();
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    await Promise.all([waitForPort(plainPort), waitForPort(tlsPort)]);
  } catch (error) {
    await stop();
    throw error;
  }
  const sum = (read: (pid: number) => number) => children.reduce((total, child) => total + read(child.pid!), 0);
  return {
    plainPort,
    tlsPort,
    cpu: () => sum(cpuMicroseconds),
    rssMb: () => Math.max(...children.map((child) => residentMb(child.pid!))),
    stop,
  };
}

/** The agent's place: takes what the proxies report and does nothing with it, in this process, whose CPU is not counted. */
async function startSink(path: string) {
  const server = createHttp2Server({ settings: { initialWindowSize: 1024 * 1024 } });
  server.on('stream', (stream) => {
    stream.on('error', () => {});
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
    stream.resume();
  });
  server.on('session', (session) => session.on('error', () => {}));
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return server;
}

/** utime and stime of /proc/PID/stat, in ticks of 10 ms. */
function cpuMicroseconds(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

function residentMb(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  for (const server of servers) server.close();
  return ports;
}

async function waitForPort(port: number): Promise<void> {
  for (let attempt = 0; attempt < 600; attempt++) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false));
      socket.on('connect', () => socket.destroy());
    });
    if (isOpen) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`No proxy listens on port ${port} after 30 s`);
}
