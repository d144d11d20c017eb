import { PassThrough } from 'node:stream';
import type { ExecSession } from '../../../contract.ts';
import type { ContainerInstance } from '../pod/instance.ts';

/**
 * Joins a running container's own streams. Going away (`kill`) leaves the program alone; several may be attached at once.
 *
 * @param closesStdin `stdinOnce`: the program's input ends with the first attached client's
 */
export function attachToInstance(instance: ContainerInstance, wantsStdin: boolean, closesStdin: boolean): ExecSession {
  const { running } = instance;
  const stdout = new PassThrough();
  const stderr = running.terminal === null ? new PassThrough() : null;
  const stop = instance.listen((source, chunk) => {
    const stream = source === 'stderr' && stderr !== null ? stderr : stdout;
    // A reader that does not read must hold back neither the program nor its log: it loses the rest.
    if (stream.writableLength < MAX_BUFFERED) stream.write(chunk);
    return undefined;
  });
  const finish = () => {
    stop();
    stdin?.unpipe();
    stdout.end();
    stderr?.end();
  };
  const target = wantsStdin ? running.stdin : null;
  const stdin = target === null ? null : new PassThrough();
  // A program that does not read its input holds back the client, not the node's memory.
  stdin?.pipe(target!, { end: closesStdin && running.terminal === null });
  const left = Promise.withResolvers<{ exitCode: number }>();
  const ended = instance.ended.then(({ exitCode }) => {
    finish();
    return { exitCode };
  });
  return {
    stdin,
    stdout,
    stderr,
    resize: (columns, rows) => running.terminal?.resize(columns, rows),
    kill() {
      finish();
      left.resolve({ exitCode: 0 });
    },
    exit: Promise.race([ended, left.promise]),
  };
}

const MAX_BUFFERED = 4 * 1024 * 1024;
