import { spawn } from 'node:child_process';
import { closeSync, fchownSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { makePipe } from './native.ts';
import { openTerminal } from './terminal.ts';

export interface StreamsRequest {
  readonly hasStdin: boolean;
  /** One terminal instead of three pipes. */
  readonly hasTty: boolean;
  /** Of the devpts instance for the terminal. */
  readonly terminals: string;
  /** Who may open /dev/stdout and the others again. */
  readonly owner: { readonly uid: number; readonly gid: number };
}

/** Standard input, output and error of a program that nobody trusts. */
export interface StandardStreams {
  /** The program's ends, for its spawn. */
  readonly ends: readonly [stdin: number | 'ignore', stdout: number, stderr: number];
  /** null unless asked for. */
  readonly stdin: Writable | null;
  readonly stdout: Readable;
  /** null with a terminal. */
  readonly stderr: Readable | null;
  /** null without a terminal. */
  readonly terminal: { resize(columns: number, rows: number): void } | null;
  /** Closes this process's copies of the program's ends. To be called before the program may act: closing a pipe waits for its lock too. */
  handOver(): void;
  /** Ends the relays: who still writes to what they read gets SIGPIPE, or SIGHUP from a terminal. */
  end(): void;
}

/**
 * Whoever reads, writes or closes a pipe waits for its lock, in a state that no signal ends, and a program holds that lock for as long as it likes by
 * splicing a silent socket into the pipe. This process must therefore never touch a pipe that a container holds: at each one stands a relay process
 * that carries the bytes from or to a socket. A relay that waits freezes nobody but the program it belongs to, and ends with it. Programs do not get the
 * socket itself because they open /dev/stdout again, which fails on sockets. Terminals have relays too: a write to one whose program does not read waits.
 */
export function openStandardStreams(request: StreamsRequest): StandardStreams {
  return request.hasTty ? openTerminalStreams(request) : openPipes(request);
}

function openPipes({ hasStdin, owner }: StreamsRequest): StandardStreams {
  const input = hasStdin ? makePipe() : null;
  const output = makePipe();
  const error = makePipe();
  const theirs = [output.write, error.write, ...(input === null ? [] : [input.read])];
  for (const fd of theirs) fchownSync(fd, owner.uid, owner.gid);
  const stdin = input === null ? null : relayTo(input.write);
  const stdout = relayFrom(output.read);
  const stderr = relayFrom(error.read);
  for (const fd of [output.read, error.read, ...(input === null ? [] : [input.write])]) closeSync(fd);
  return {
    ends: [input?.read ?? 'ignore', output.write, error.write],
    stdin: stdin?.stream ?? null,
    stdout: stdout.stream,
    stderr: stderr.stream,
    terminal: null,
    handOver: () => theirs.forEach(closeSync),
    end() {
      for (const relay of [stdin, stdout, stderr]) relay?.end();
    },
  };
}

function openTerminalStreams({ hasStdin, owner, terminals }: StreamsRequest): StandardStreams {
  const terminal = openTerminal(terminals);
  fchownSync(terminal.slave, owner.uid, owner.gid);
  const stdin = hasStdin ? relayTo(terminal.master) : null;
  const stdout = relayFrom(terminal.master);
  return {
    ends: [terminal.slave, terminal.slave, terminal.slave],
    stdin: stdin?.stream ?? null,
    stdout: stdout.stream,
    stderr: null,
    terminal,
    handOver: () => closeSync(terminal.slave),
    end() {
      stdin?.end();
      stdout.end();
      terminal.closeMaster();
    },
  };
}

interface Relay<Stream> {
  readonly stream: Stream;
  end(): void;
}

function relayFrom(fd: number): Relay<Readable> {
  const { child, end } = startRelay([fd, 'pipe', 'ignore']);
  const stream = child.stdout!;
  stream.on('error', () => stream.destroy());
  return { stream, end: () => end(stream) };
}

function relayTo(fd: number): Relay<Writable> {
  const { child, end } = startRelay(['pipe', fd, 'ignore']);
  const stream = child.stdin!;
  stream.on('error', () => stream.destroy());
  return { stream, end: () => end(stream) };
}

/** dd(1) is plain reads and writes everywhere; other programs that copy may splice, and so hold the lock themselves. */
function startRelay(stdio: ['pipe' | number, 'pipe' | number, 'ignore']) {
  // A session of its own: signals of the supervisor's terminal are none of its business.
  const child = spawn('/usr/bin/dd', ['bs=64k', 'status=none'], { stdio, env: {}, cwd: '/', detached: true });
  child.on('error', () => {});
  if (child.pid === undefined) throw new Error('cannot start /usr/bin/dd, which carries what containers read and write');
  // Nobody waits for it: it may be in a state that no signal ends, until its program is gone.
  child.unref();
  return {
    child,
    end(stream: Readable | Writable) {
      stream.destroy();
      child.kill('SIGKILL');
    },
  };
}
