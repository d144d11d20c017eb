import { closeSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { OutputSource } from '../runtime/launch.ts';
import { LineSplitter, logTime, renderLogLine } from './format.ts';

/** One container instance's log on disk: `PATH`, and `PATH.1` for what was written before the last rotation. */
export interface ContainerLog {
  readonly path: string;
  write(source: OutputSource, chunk: Buffer): void;
  /** Ends the log: unfinished lines are written, followers end. */
  close(): void;
  readonly isClosed: () => boolean;
  /** Called after each write, rotation and close. @returns stops the calls */
  onChange(listener: () => void): () => void;
  /** Goes up by one each time `path` becomes `path.1`. */
  readonly generation: () => number;
}

/** kubelet's `containerLogMaxSize`. */
export const MAX_LOG_BYTES = 10 * 1024 * 1024;

/**
 * Creates (or empties) the log. Writes are synchronous: one append of what came in one read costs less than the machinery
 * to make it asynchronous, and nothing is lost when the process is killed.
 */
export function createContainerLog(path: string, now: () => Date, maxBytes = MAX_LOG_BYTES): ContainerLog {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  rmSync(rotatedPath(path), { force: true });
  let fd = openSync(path, 'w', 0o600);
  let size = 0;
  let generation = 0;
  let isClosed = false;
  const splitters = { stdout: new LineSplitter(), stderr: new LineSplitter() };
  const listeners = new Set<() => void>();

  function append(text: string): void {
    if (text === '') return;
    const bytes = Buffer.byteLength(text);
    if (size > 0 && size + bytes > maxBytes) rotate();
    writeSync(fd, text);
    size += bytes;
  }

  function rotate(): void {
    closeSync(fd);
    renameSync(path, rotatedPath(path));
    fd = openSync(path, 'w', 0o600);
    size = 0;
    generation += 1;
  }

  function notify(): void {
    for (const listener of [...listeners]) listener();
  }

  return {
    path,
    write(source, chunk) {
      if (isClosed) return;
      const time = logTime(now());
      append(
        splitters[source]
          .push(chunk)
          .map((line) => renderLogLine(time, source, line.text, line.isPartial))
          .join(''),
      );
      notify();
    },
    close() {
      if (isClosed) return;
      const time = logTime(now());
      for (const source of ['stdout', 'stderr'] as const) {
        const rest = splitters[source].flush();
        // Partial: the program did not end the line, so `kubectl logs` must not either.
        if (rest !== undefined) append(renderLogLine(time, source, rest, true));
      }
      isClosed = true;
      closeSync(fd);
      notify();
    },
    isClosed: () => isClosed,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    generation: () => generation,
  };
}

/** A reader that has it open reads on. */
export function removeLog(path: string): void {
  for (const file of [path, rotatedPath(path)]) rmSync(file, { force: true });
}

export function rotatedPath(path: string): string {
  return `${path}.1`;
}
