import { spawn } from 'node:child_process';
import { closeSync, fchownSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecSession } from '../../../contract.ts';
import { type ProcessSetting, renderProcess } from './command.ts';
import { checkEntry } from './entry.ts';
import { childrenOf, enterCgroups, programBegan, readEnd, signalNumber, writeEnd } from './launch.ts';
import type { RootEntry } from './layout.ts';
import { makePipe } from './native.ts';
import { openScript } from './script-file.ts';
import { openTerminal } from './terminal.ts';

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

/**
 * Runs one more program in a running container: same namespaces, user, capabilities and variables.
 *
 * nsenter leaves the program in the container's root: a `--wd` would be opened out here and hand a folder of the machine in.
 */
export async function execInContainer(target: ExecTarget, request: ExecRequest): Promise<ExecSession> {
  if (!(await programBegan(target.initPid, () => !target.isRunning()))) throw new Error('container is not running');
  checkEntry(readFileSync(`/proc/${target.initPid}/mountinfo`, 'utf8'), target.entry);
  const { setting } = target;
  const env = request.hasTty ? { ...setting.env, TERM: 'xterm' } : setting.env;
  const terminal = request.hasTty ? openTerminal(join('/proc', String(target.initPid), 'root', 'dev')) : null;
  const input = terminal === null && request.hasStdin ? makePipe() : null;
  const out = terminal === null ? makePipe() : null;
  const err = terminal === null ? makePipe() : null;
  const ours = [input?.read, out?.write, err?.write, terminal?.slave].filter((fd) => fd !== undefined);
  for (const fd of ours) fchownSync(fd, setting.credentials.uid, setting.credentials.gid);
  const { words, script } = renderProcess({ ...setting, env, hasTerminal: request.hasTty }, request.command, SCRIPT_FD);
  const scriptFile = openScript(target.secretDir, script, setting.credentials.uid);
  const command = [
    ...enterCgroups(target.cgroups),
    ...['/usr/bin/nsenter', '--target', String(target.initPid), '--mount', '--uts', '--ipc', '--net', '--pid', '--'],
    ...words,
  ];
  const child = spawn(command[0]!, command.slice(1), {
    env: {},
    cwd: '/',
    detached: true,
    stdio: [terminal?.slave ?? input?.read ?? 'ignore', terminal?.slave ?? out!.write, terminal?.slave ?? err!.write, scriptFile],
  });
  for (const fd of [...ours, scriptFile]) closeSync(fd);
  const stdout = terminal?.output ?? relay(out!.read);
  const stderr = err === null ? null : relay(err.read);
  const exit = new Promise<{ exitCode: number }>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      // Programs left behind may hold the terminal open; the session ends with the one that was asked for.
      if (terminal !== null) setImmediate(() => terminal.close());
      resolve({ exitCode: code ?? 128 + signalNumber(signal) });
    });
  });
  return {
    stdin: terminal?.input ?? (input === null ? null : writeEnd(input.write)),
    stdout,
    stderr,
    resize: (columns, rows) => terminal?.resize(columns, rows),
    kill() {
      for (const pid of child.pid === undefined ? [] : descendants(child.pid)) {
        try {
          process.kill(pid, 'SIGKILL');
        } catch {
          // Ended by itself.
        }
      }
      terminal?.close();
    },
    exit: withDrained(exit, terminal === null ? [stdout, stderr!] : [stdout]),
  };
}

/** `exit` is told only after everything the program wrote was handed over, or 200 ms after the end when others hold its output open. */
async function withDrained(exit: Promise<{ exitCode: number }>, streams: readonly NodeJS.ReadableStream[]): Promise<{ exitCode: number }> {
  const drained = Promise.all(streams.map((stream) => new Promise<void>((resolve) => stream.once('end', resolve).once('close', resolve))));
  const result = await exit;
  await Promise.race([drained, sleep(200)]);
  return result;
}

/** A paused copy: a program's first words must not be lost before somebody listens. */
function relay(fd: number): PassThrough {
  const copy = new PassThrough();
  readEnd(fd)
    .on('error', () => copy.end())
    .pipe(copy);
  return copy;
}

function descendants(pid: number): number[] {
  return childrenOf(pid)
    .flatMap((child) => [...descendants(child), child])
    .concat(pid);
}
