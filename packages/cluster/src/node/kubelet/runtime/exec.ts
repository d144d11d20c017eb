import { spawn } from 'node:child_process';
import { closeSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, type Readable, type Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecSession } from '../../../contract.ts';
import { type ProcessSetting, renderProcess } from './command.ts';
import { checkEntry } from './entry.ts';
import { childrenOf, ENTER_CGROUPS, programBegan, signalNumber } from './launch.ts';
import type { RootEntry } from './layout.ts';
import { openScript } from './script-file.ts';
import { openStandardStreams } from './standard-streams.ts';

export interface ExecTarget {
  readonly initPid: number;
  readonly isRunning: () => boolean;
  readonly setting: Omit<ProcessSetting, 'hasTerminal'>;
  /** `Machine.entry` */
  readonly entry: readonly RootEntry[];
  readonly cgroups: readonly string[];
  /** tmpfs folder for what must not reach a command line. */
  readonly secretDir: string;
}

export interface ExecRequest {
  readonly command: readonly string[];
  readonly hasStdin: boolean;
  readonly hasTty: boolean;
}

const SCRIPT_FD = 3;
/** The program waits at it until this process let go of its ends. */
const GO_FD = 4;

/**
 * Runs one more program in a running container: same namespaces, user, capabilities and variables.
 *
 * nsenter leaves the program in the container's root: a `--wd` would be opened out here and hand a folder of the machine in.
 */
export async function execInContainer(target: ExecTarget, request: ExecRequest): Promise<ExecSession> {
  if (!(await programBegan(target.initPid, () => !target.isRunning()))) throw new Error('container is not running');
  checkEntry(readFileSync(`/proc/${target.initPid}/mountinfo`, 'utf8'), target.entry);
  const { setting } = target;
  const { hasStdin, hasTty } = request;
  const env = hasTty ? { ...setting.env, TERM: 'xterm' } : setting.env;
  // proc(5): the container's file system as it sees it.
  const terminals = join('/proc', String(target.initPid), 'root', 'dev', 'pts');
  const streams = openStandardStreams({ hasStdin, hasTty, terminals, owner: setting.credentials });
  const { words, script } = renderProcess({ ...setting, env, hasTerminal: hasTty }, request.command, SCRIPT_FD);
  const scriptFile = openScript(target.secretDir, script, setting.credentials.uid);
  const command = [
    ...['/bin/sh', '-c', `read -r go <&${GO_FD} || exit 125; exec ${GO_FD}<&-; ${ENTER_CGROUPS}`, 'sh', ...target.cgroups, '--'],
    ...['/usr/bin/nsenter', '--target', String(target.initPid), '--mount', '--uts', '--ipc', '--net', '--pid', '--'],
    ...words,
  ];
  const child = spawn(command[0]!, command.slice(1), {
    env: {},
    cwd: '/',
    detached: true,
    stdio: [...streams.ends, scriptFile, 'pipe'],
  });
  closeSync(scriptFile);
  streams.handOver();
  const go = child.stdio[GO_FD] as Writable;
  go.on('error', () => {});
  go.end('\n');
  const [stdout, stderr] = [copyOf(streams.stdout), streams.stderr && copyOf(streams.stderr)];
  const ended = new Promise<{ exitCode: number }>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ exitCode: code ?? 128 + signalNumber(signal) }));
  });
  return {
    stdin: streams.stdin,
    stdout,
    stderr,
    resize: (columns, rows) => streams.terminal?.resize(columns, rows),
    kill() {
      for (const pid of child.pid === undefined ? [] : descendants(child.pid)) {
        try {
          process.kill(pid, 'SIGKILL');
        } catch {
          // Ended by itself.
        }
      }
    },
    exit: afterLastBytes(ended, stderr === null ? [stdout] : [stdout, stderr]).finally(() => {
      // Programs left behind may hold the terminal open; the session ends with the one that was asked for. What they write to pipes is read on, for nobody.
      if (hasTty) streams.end();
      else streams.stdin?.destroy();
    }),
  };
}

/** Others hold the output open when nothing more is handed over for as long. */
const QUIET_MS = 500;

/** `exit` is told only after everything that the program wrote was handed over. */
async function afterLastBytes(exit: Promise<{ exitCode: number }>, copies: readonly Copy[]): Promise<{ exitCode: number }> {
  const drained = Promise.all(copies.map((stream) => new Promise<void>((resolve) => stream.once('end', resolve).once('close', resolve))));
  const handedOver = () => copies.reduce((sum, copy) => sum + copy.handedOver(), 0);
  const result = await exit;
  for (let before = -1, isDrained = false; !isDrained && before !== handedOver(); ) {
    before = handedOver();
    isDrained = await Promise.race([drained.then(() => true), sleep(QUIET_MS, false, { ref: false })]);
  }
  return result;
}

interface Copy extends PassThrough {
  /** Bytes that its reader took. */
  handedOver(): number;
}

/** A paused copy: a program's first words must not be lost before somebody listens. Without a reader any more, it is read on for nobody. */
function copyOf(source: Readable): Copy {
  let received = 0;
  const copy = new PassThrough();
  source.on('data', (chunk: Buffer) => {
    received += chunk.length;
  });
  source.pipe(copy).once('close', () => source.resume());
  source.once('close', () => copy.end());
  return Object.assign(copy, { handedOver: () => received - copy.readableLength - copy.writableLength });
}

function descendants(pid: number): number[] {
  return childrenOf(pid)
    .flatMap((child) => [...descendants(child), child])
    .concat(pid);
}
