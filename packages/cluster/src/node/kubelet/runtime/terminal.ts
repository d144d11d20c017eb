import { closeSync, constants, openSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, type Readable, type Writable } from 'node:stream';
import { ReadStream } from 'node:tty';
import { resizeTerminal, unlockTerminal } from './native.ts';

export interface Terminal {
  /** Descriptor for the program; the caller closes its copy after the start. */
  readonly slave: number;
  readonly input: Writable;
  readonly output: Readable;
  resize(columns: number, rows: number): void;
  close(): void;
}

/**
 * A pseudo-terminal of the devpts instance under `devFolder` (`/dev`, or `/proc/PID/root/dev` of a container, so that tty(1) inside knows it).
 */
export function openTerminal(devFolder: string): Terminal {
  const multiplexer = join(devFolder, devFolder === '/dev' ? 'ptmx' : 'pts/ptmx');
  const master = openSync(multiplexer, constants.O_RDWR | constants.O_NOCTTY);
  let slave: number;
  try {
    slave = openSync(join(devFolder, 'pts', String(unlockTerminal(master))), constants.O_RDWR | constants.O_NOCTTY);
  } catch (error) {
    closeSync(master);
    throw error;
  }
  const stream = new ReadStream(master);
  const output = new PassThrough();
  let isOpen = true;
  const close = () => {
    if (!isOpen) return;
    isOpen = false;
    stream.destroy();
    output.end();
  };
  // EIO is how Linux says that the last program on the other side is gone.
  stream.on('error', close);
  stream.on('end', close);
  stream.on('close', close);
  stream.on('data', (chunk) => {
    if (!output.write(chunk)) {
      stream.pause();
      output.once('drain', () => stream.resume());
    }
  });
  return {
    slave,
    // A tty.ReadStream is a whole socket: it writes too.
    input: stream as unknown as Writable,
    output,
    resize(columns, rows) {
      if (isOpen) resizeTerminal(master, columns, rows);
    },
    close,
  };
}
