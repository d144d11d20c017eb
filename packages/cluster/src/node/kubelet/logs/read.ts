import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import type { LogOptions } from '../../../contract.ts';
import { type ContainerLog, rotatedPath } from './container-log.ts';
import { lastLines, selectLines } from './select.ts';

const CHUNK = 64 * 1024;

/** Raw lines of one open file, from where the last call ended. */
class LineFile {
  readonly #fd: number;
  readonly #decoder = new StringDecoder('utf8');
  #position = 0;
  #rest = '';

  constructor(path: string) {
    this.#fd = openSync(path, 'r');
  }

  /** At most one chunk's worth; empty at the present end. */
  next(): string[] {
    const buffer = Buffer.allocUnsafe(CHUNK);
    for (;;) {
      const length = readSync(this.#fd, buffer, 0, CHUNK, this.#position);
      if (length === 0) return [];
      this.#position += length;
      const lines = (this.#rest + this.#decoder.write(buffer.subarray(0, length))).split('\n');
      this.#rest = lines.pop() ?? '';
      if (lines.length > 0) return lines;
    }
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/**
 * The log as `kubectl logs` shows it. With `follow` it goes on until the container's log is closed or `signal` aborts, across
 * rotations. `live` is the log being written; undefined for one that is finished.
 */
export function readLog(path: string, live: ContainerLog | undefined, options: LogOptions, now: Date, signal: AbortSignal): Readable {
  return Readable.from(limitBytes(produce(path, live, options, now, signal), options.limitBytes), { objectMode: false });
}

async function* produce(
  path: string,
  live: ContainerLog | undefined,
  options: LogOptions,
  now: Date,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const selection = selectLines(options, now);
  let generation = live?.generation() ?? 0;
  const old = existsSync(rotatedPath(path)) ? new LineFile(rotatedPath(path)) : undefined;
  let file = new LineFile(path);
  try {
    const past = old === undefined ? [file] : [old, file];
    if (options.tailLines !== undefined) yield renderAll(lastLines(past.flatMap(readRest), options.tailLines), selection);
    else for (const each of past) for (let lines = each.next(); lines.length > 0; lines = each.next()) yield renderAll(lines, selection);
    while (options.follow && live !== undefined && !signal.aborted) {
      const isOver = live.isClosed();
      const seen = live.generation();
      for (let lines = file.next(); lines.length > 0; lines = file.next()) yield renderAll(lines, selection);
      if (seen !== generation) {
        generation = seen;
        file.close();
        file = new LineFile(path);
      } else if (isOver) return;
      else await change(live, signal, () => seen !== live.generation() || live.isClosed());
    }
  } finally {
    old?.close();
    file.close();
  }
}

function readRest(file: LineFile): string[] {
  const all: string[] = [];
  for (let lines = file.next(); lines.length > 0; lines = file.next()) all.push(...lines);
  return all;
}

function renderAll(lines: readonly string[], selection: { render(raw: string): string | undefined }): string {
  return lines.map((line) => selection.render(line) ?? '').join('');
}

/** Resolves at the next change of the log, at once when `isDone` says that it already came, or when the reader goes away. */
function change(live: ContainerLog, signal: AbortSignal, isDone: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const finish = () => {
      stop();
      signal.removeEventListener('abort', finish);
      resolve();
    };
    const stop = live.onChange(finish);
    signal.addEventListener('abort', finish, { once: true });
    if (signal.aborted || isDone()) finish();
  });
}

async function* limitBytes(source: AsyncIterable<string>, limit: number | undefined): AsyncGenerator<Buffer> {
  let left = limit ?? Number.POSITIVE_INFINITY;
  for await (const text of source) {
    if (text === '') continue;
    const bytes = Buffer.from(text).subarray(0, left);
    yield bytes;
    left -= bytes.length;
    if (left <= 0) return;
  }
}
