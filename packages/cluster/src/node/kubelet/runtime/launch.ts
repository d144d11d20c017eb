import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { renderBwrapArguments, type Sandbox } from './bwrap-arguments.ts';
import { type ProcessSetting, renderProcess } from './command.ts';
import { killMembers, mountNamespaceOf } from './mount-namespace.ts';
import { openScript } from './script-file.ts';
import { openStandardStreams, type StandardStreams } from './standard-streams.ts';

export interface LaunchRequest {
  /** The node's copy of bubblewrap. */
  readonly bwrap: string;
  readonly launchEnv: Readonly<Record<string, string>>;
  /** Path of the network namespace. */
  readonly netns: string;
  /** Path of a PID namespace to run in (`/proc/PID/ns/pid`); default one of its own. */
  readonly pidNamespace?: string | undefined;
  readonly sandbox: Omit<Sandbox, 'statusFd' | 'pidNamespaceFd'>;
  readonly setting: Omit<ProcessSetting, 'hasTerminal'>;
  readonly command: readonly string[];
  /** tmpfs folder for what must not reach a command line. */
  readonly secretDir: string;
  readonly hasStdin: boolean;
  readonly hasTty: boolean;
  /** `cgroup.procs` files to enter first. */
  readonly cgroups: readonly string[];
  /** Takes the program's output from its first byte on; reading pauses while the promise is pending. A terminal has only stdout. */
  output(source: OutputSource, chunk: Buffer): Promise<void> | undefined;
}

export type OutputSource = 'stdout' | 'stderr';

export interface ContainerExit {
  /** As a shell counts: 128 + signal. */
  readonly exitCode: number;
  /** The program never ran: bubblewrap could not make the container. `message` is its last words. */
  readonly setupFailure?: string;
  /** End of what it wrote to stderr (or the terminal). */
  readonly lastWords: string;
  /** Somebody outside the container went on holding its output: what came later is lost. */
  readonly isOutputCut: boolean;
}

export interface RunningContainer {
  /** Pid of the container's init; namespaces are entered through it. */
  readonly initPid: number;
  /** null unless asked for. */
  readonly stdin: Writable | null;
  readonly terminal: StandardStreams['terminal'];
  /** Resolves when the container is gone and both streams were read to their end, or were not within `DRAIN_MS`. Never rejects. */
  readonly exit: Promise<ContainerExit>;
  readonly isRunning: () => boolean;
  /** To the container's own program, not to the init that bubblewrap puts above it. */
  signal(name: NodeJS.Signals): void;
  /** Ends every process of the container. */
  kill(): void;
}

const ARGUMENTS_FD = 3;
const STATUS_FD = 4;
const SCRIPT_FD = 5;
const PID_NAMESPACE_FD = 6;
export const ENTER_CGROUPS = 'while [ "$1" != -- ]; do echo $$ > "$1" || exit 125; shift; done; shift; exec "$@"';

/**
 * Starts a container. Resolves as soon as its namespaces exist.
 *
 * @throws Error with bubblewrap's or nsenter's words when they never came to be
 */
export async function launchContainer(request: LaunchRequest): Promise<RunningContainer> {
  const { hasStdin, hasTty } = request;
  const { credentials } = request.setting;
  const { words, script } = renderProcess({ ...request.setting, hasTerminal: hasTty }, request.command, SCRIPT_FD);
  const scriptFile = openScript(request.secretDir, script, credentials.uid);
  const pidNamespace = request.pidNamespace === undefined ? undefined : openSync(request.pidNamespace, 'r');
  const command = [
    ...['/bin/sh', '-c', ENTER_CGROUPS, 'sh', ...request.cgroups, '--'],
    '/usr/bin/nsenter',
    `--net=${request.netns}`,
    request.bwrap,
    '--args',
    String(ARGUMENTS_FD),
    '--',
    ...words,
  ];
  const streams = openStandardStreams({ hasStdin, hasTty, terminals: '/dev/pts', owner: credentials });
  const child = spawn(command[0]!, command.slice(1), {
    env: { ...request.launchEnv },
    cwd: '/',
    // A session of its own: the supervisor's terminal, if it has one, is none of the container's business.
    detached: true,
    stdio: [...streams.ends, 'pipe', 'pipe', scriptFile, ...(pidNamespace === undefined ? [] : [pidNamespace])],
  });
  for (const fd of [scriptFile, pidNamespace]) if (fd !== undefined) closeSync(fd);
  // bubblewrap waits for its arguments: the program cannot act yet.
  streams.handOver();
  const { stdout, stderr, terminal } = streams;
  const lastWords = createLastWords();
  for (const [source, stream] of [
    ['stdout', stdout],
    ['stderr', stderr],
  ] as const) {
    stream?.on('data', (chunk: Buffer) => {
      if (source === 'stderr' || terminal !== null) lastWords.add(chunk);
      const pending = request.output(source, chunk);
      if (pending === undefined) return;
      stream.pause();
      void pending.then(() => stream.resume());
    });
  }
  const joined = pidNamespace === undefined ? {} : { pidNamespaceFd: PID_NAMESPACE_FD };
  sendArguments(child, { ...request.sandbox, statusFd: STATUS_FD, ...joined });
  const status = readStatus(child.stdio[STATUS_FD] as Readable);
  const exit = awaitExit(child, streams, status, lastWords.text);
  const initPid = await Promise.race([status.initPid, exit.then(() => undefined)]);
  if (initPid === undefined) throw new Error(lastWords.text().trim() || 'the container ended before it began');
  if (pidNamespace !== undefined) endStragglers(child, mountNamespaceOf(initPid));
  let isOver = false;
  void exit.then(() => {
    isOver = true;
  });
  const send = (pid: number | undefined, name: NodeJS.Signals) => {
    if (pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    try {
      process.kill(pid, name);
    } catch {
      // Gone in the meantime.
    }
  };
  return {
    initPid,
    stdin: streams.stdin,
    terminal,
    exit,
    isRunning: () => !isOver,
    // Before the program exists there is nobody to end politely.
    signal(name) {
      const program = childrenOf(initPid)[0];
      send(program ?? initPid, program === undefined ? 'SIGKILL' : name);
    },
    kill: () => send(initPid, 'SIGKILL'),
  };
}

/** In a PID namespace of its own a container's processes end with its init; in a shared one somebody has to end them. */
function endStragglers(child: ChildProcess, mountNamespace: string | undefined): void {
  if (mountNamespace === undefined) return;
  if (child.exitCode !== null || child.signalCode !== null) killMembers(mountNamespace);
  else child.once('exit', () => killMembers(mountNamespace));
}

function sendArguments(child: ChildProcess, sandbox: Sandbox): void {
  const pipe = child.stdio[ARGUMENTS_FD] as Writable;
  pipe.on('error', () => {});
  pipe.end(
    renderBwrapArguments(sandbox)
      .map((word) => `${word}\0`)
      .join(''),
  );
}

interface StatusReader {
  readonly initPid: Promise<number>;
  /** bubblewrap reports the program's end only when it had begun. */
  exitCode(): number | undefined;
}

function readStatus(pipe: Readable): StatusReader {
  const started = Promise.withResolvers<number>();
  let text = '';
  let exitCode: number | undefined;
  pipe.setEncoding('utf8');
  pipe.on('error', () => {});
  pipe.on('data', (chunk: string) => {
    text += chunk;
    const pid = /"child-pid":\s*(\d+)/.exec(text)?.[1];
    if (pid !== undefined) started.resolve(Number(pid));
    const code = /"exit-code":\s*(\d+)/.exec(text)?.[1];
    if (code !== undefined) exitCode = Number(code);
  });
  return { initPid: started.promise, exitCode: () => exitCode };
}

/** The last bytes come at once; only somebody outside who was handed the pipe, or keeps its relay frozen, makes it take longer. */
const DRAIN_MS = 5000;

function awaitExit(child: ChildProcess, streams: StandardStreams, status: StatusReader, lastWords: () => string): Promise<ContainerExit> {
  const ended = new Promise<number>((resolve) => {
    child.on('error', () => resolve(127));
    child.on('close', (code, signal) => resolve(code ?? 128 + signalNumber(signal)));
  });
  const outputs = [streams.stdout, streams.stderr].filter((stream) => stream !== null);
  const drained = Promise.all(outputs.map((stream) => new Promise<void>((resolve) => stream.once('close', resolve))));
  return ended.then(async (code) => {
    const isOutputCut = await Promise.race([drained.then(() => false), sleep(DRAIN_MS, true, { ref: false })]);
    streams.end();
    const end = { lastWords: lastWords(), isOutputCut };
    const reported = status.exitCode();
    if (reported !== undefined) return { exitCode: reported, ...end };
    // Without a report either bubblewrap failed (it exits 1) or somebody killed it together with the container.
    if (code >= 128) return { exitCode: code, ...end };
    return { exitCode: code, ...end, setupFailure: end.lastWords.trim() || `container could not be made (exit code ${code})` };
  });
}

const LAST_WORDS = 4096;

function createLastWords(): { add(chunk: Buffer): void; text(): string } {
  let tail: Buffer = Buffer.alloc(0);
  return {
    add(chunk) {
      tail = Buffer.concat([tail, chunk]).subarray(-LAST_WORDS);
    },
    text: () => tail.toString('utf8'),
  };
}

/** In the order of their birth; empty when `pid` is gone. */
export function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

/** bubblewrap needs a moment between making the namespaces and starting the program; until then the container's root is unfinished. */
const BEGIN_POLL_MS = 3;
const BEGIN_LIMIT_MS = 5000;

/** Resolves when the container's program exists; false when it never did. */
export async function programBegan(initPid: number, isOver: () => boolean): Promise<boolean> {
  for (let waited = 0; waited <= BEGIN_LIMIT_MS && !isOver(); waited += BEGIN_POLL_MS) {
    if (childrenOf(initPid).length > 0) return true;
    await sleep(BEGIN_POLL_MS);
  }
  return false;
}

const SIGNALS: Partial<Record<NodeJS.Signals, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGABRT: 6,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGPIPE: 13,
  SIGTERM: 15,
};

export function signalNumber(name: NodeJS.Signals | null): number {
  return name === null ? 0 : (SIGNALS[name] ?? 0);
}
