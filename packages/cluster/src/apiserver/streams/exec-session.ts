import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Status } from '@palisade/kubernetes';
import type { ExecSession } from '../../contract.ts';
import { statusOf } from '../http/respond.ts';
import type { ExecTransport } from './exec-transport.ts';

/** A process that ended has drained its output; a descendant holding the pipe open is not waited for longer than this. */
const DRAIN_MS = 1000;

/** Starts a session and carries it over the transport until the process ends or the client goes. Never rejects. */
export async function runSession(start: () => Promise<ExecSession>, transport: ExecTransport): Promise<void> {
  let session: ExecSession | undefined;
  let isGone = false;
  transport.onClose(() => {
    isGone = true;
    session?.kill();
  });
  let status: Status;
  try {
    session = await start();
    if (isGone) session.kill();
    status = await carry(session, transport);
  } catch (error) {
    status = statusOf(error);
  }
  if (!isGone) await transport.finish(status).catch(() => {});
}

async function carry(session: ExecSession, transport: ExecTransport): Promise<Status> {
  const { stdin } = session;
  // A process that closes its input early is no failure of the session.
  stdin?.on('error', () => {});
  transport.onResize((columns, rows) => session.resize(columns, rows));
  transport.onStdin((chunk) => (stdin === null ? undefined : feed(stdin, chunk)));
  const pumps = [
    pump(session.stdout, 'stdout', transport),
    ...(session.stderr === null ? [] : [pump(session.stderr, 'stderr', transport)]),
  ];
  const { exitCode } = await session.exit;
  await Promise.race([Promise.all(pumps), sleep(DRAIN_MS, undefined, { ref: false })]);
  return exitStatus(exitCode);
}

async function feed(stdin: Writable, chunk: Buffer | undefined): Promise<void> {
  if (stdin.destroyed || stdin.writableEnded) return;
  if (chunk === undefined) stdin.end();
  else if (!stdin.write(chunk)) await drained(stdin);
}

async function drained(stream: Writable): Promise<void> {
  const done = new AbortController();
  const { signal } = done;
  await Promise.race([once(stream, 'drain', { signal }), once(stream, 'close', { signal })]).catch(() => {});
  done.abort();
}

async function pump(stream: Readable, channel: 'stdout' | 'stderr', transport: ExecTransport): Promise<void> {
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) await transport.write(channel, chunk);
  } catch {
    // The client or the process is gone; the exit tells.
  }
}

/** The Status on the error channel (remotecommand protocol v4 and later). */
export function exitStatus(exitCode: number): Status {
  if (exitCode === 0) return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' };
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: `command terminated with non-zero exit code: exit status ${exitCode}`,
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: String(exitCode) }] },
  };
}
