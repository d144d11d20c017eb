import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { MountFlag, mount, unmount } from '../../libc.ts';
import { Linux, setns, unshare } from './native.ts';

/** Where `ip netns` keeps its names. The supervisor mounts a private tmpfs here. */
export const NETNS_FOLDER = '/run/netns';

export function netnsPath(name: string): string {
  return `${NETNS_FOLDER}/${name}`;
}

/** Keeps this thread's namespace in mind while `act` leaves it, and comes back; the process aborts when it cannot. */
function andReturn<T>(act: () => T): T {
  const home = openSync('/proc/thread-self/ns/net', 'r');
  try {
    return act();
  } finally {
    try {
      setns(home, Linux.CLONE_NEWNET);
    } catch {
      process.abort();
    }
    closeSync(home);
  }
}

/**
 * Runs `act` with this thread inside another network namespace and comes back before returning. `act` must be synchronous:
 * anything that continues later (a promise, a callback) continues in the home namespace. Child processes started inside stay
 * there. When the way back fails, the process aborts: a supervisor that listens in the wrong namespace is worse than none.
 */
export function inNamespace<T>(path: string, act: () => T): T {
  const target = openSync(path, 'r');
  try {
    return andReturn(() => {
      setns(target, Linux.CLONE_NEWNET);
      return act();
    });
  } finally {
    closeSync(target);
  }
}

/** Makes a namespace that `ip netns` knows too. The name must be free. */
export function createNamespace(name: string): void {
  const path = netnsPath(name);
  closeSync(openSync(path, 'wx', 0o444));
  try {
    andReturn(() => {
      unshare(Linux.CLONE_NEWNET);
      mount('/proc/thread-self/ns/net', path, 'none', MountFlag.bind);
    });
  } catch (error) {
    rmSync(path);
    throw error;
  }
}

/** Takes the name away; the namespace and its links go with its last process and socket. */
export function deleteNamespace(name: string): void {
  const path = netnsPath(name);
  unmount(path);
  rmSync(path);
}

/** `net.ipv4.ip_forward` → value, written in the order given. Interface names must not contain dots. */
export function writeSysctls(path: string, values: readonly (readonly [name: string, value: string | number])[]): void {
  inNamespace(path, () => {
    for (const [name, value] of values) writeFileSync(`/proc/sys/${name.replaceAll('.', '/')}`, String(value));
  });
}

export class CommandError extends Error {
  readonly exitCode: number | null;
  readonly stderr: string;
  constructor(command: string, exitCode: number | null, stderr: string, signal: string | null) {
    super(`"${command}" ended with ${signal ?? `exit code ${exitCode}`}: ${stderr.trim() || 'it said nothing'}`);
    this.name = 'CommandError';
    this.exitCode = exitCode;
    this.stderr = stderr;
  }
}

export interface RunOptions {
  /** Path of the network namespace to run in; absent: where this process is. */
  netns?: string;
  input?: string;
}

/** No tool here takes longer than a moment; one that hangs must not stop policies from being applied. */
const TOOL_TIMEOUT_MS = 30_000;

/** Runs a tool to its end. @returns its standard output; throws `CommandError` on any exit code but 0 */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const start = () => spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], timeout: TOOL_TIMEOUT_MS, killSignal: 'SIGKILL' });
  const child = options.netns === undefined ? start() : inNamespace(options.netns, start);
  return finished(child, [command, ...args].join(' '), options.input ?? '');
}

function finished(child: ChildProcess, name: string, input: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let output = '';
  let errors = '';
  child.stdout!.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  child.on('error', (cause) => reject(new Error(`Cannot start "${name}": ${cause.message}; is it installed and on PATH?`, { cause })));
  child.on('close', (code, signal) => (code === 0 ? resolve(output) : reject(new CommandError(name, code, errors, signal))));
  // A tool that ends without reading its input says why by its exit code.
  child.stdin!.on('error', () => {});
  child.stdin!.end(input);
  return promise;
}

/** One `ip -batch`; stops at the first line that fails. Lines must not carry `-6`: the family follows the address. */
export async function ipBatch(netns: string | undefined, lines: readonly string[]): Promise<void> {
  if (lines.length === 0) return;
  await run('ip', ['-batch', '-'], { ...(netns === undefined ? {} : { netns }), input: `${lines.join('\n')}\n` });
}

/** One nftables transaction: all of `text` or nothing. */
export async function applyNft(netns: string, text: string): Promise<void> {
  await run('nft', ['-f', '-'], { netns, input: text });
}
