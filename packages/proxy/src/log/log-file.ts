/** Lines gathered and written behind the requests. A disk that stalls loses lines, counted, and never holds requests. */
import { close, openSync, write } from 'node:fs';
import type { Counter } from '../stats/stats.ts';
import { LineWriter } from './line-writer.ts';

/** Envoy flushes at 64 KiB or every 10 s; a second is kinder to who watches. */
const flushBytes = 65_536;
const flushMs = 1000;
const maxWaitingBytes = 8 * 1024 * 1024;
/** What a line may be longer than the flush size without more space. */
const spareBytes = 4096;

export class LogFile {
  #fd: number;
  /** Lines gather in one while the other one is written. */
  #waiting = new LineWriter(flushBytes + spareBytes);
  #spare: LineWriter | undefined = new LineWriter(flushBytes + spareBytes);
  readonly #timer: NodeJS.Timeout;
  readonly #dropped: Counter;

  constructor(path: string, dropped: Counter) {
    this.#fd = path === '/dev/stdout' ? 1 : path === '/dev/stderr' ? 2 : openSync(path, 'a');
    this.#dropped = dropped;
    this.#timer = setInterval(() => this.#flush(), flushMs).unref();
  }

  /** @param write one line about the subject, with its end */
  add<Subject>(write: (subject: Subject, out: LineWriter) => void, subject: Subject): void {
    if (this.#waiting.at > maxWaitingBytes) {
      this.#dropped.value++;
      return;
    }
    write(subject, this.#waiting);
    if (this.#waiting.at >= flushBytes) this.#flush();
  }

  /** Writes what is waiting, then lets go of the file. */
  close(): Promise<void> {
    clearInterval(this.#timer);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#flush(() => {
      if (this.#fd > 2) close(this.#fd, () => resolve());
      else resolve();
    });
    return promise;
  }

  #flush(done?: () => void): void {
    const isWriting = this.#spare === undefined;
    if (isWriting || this.#waiting.at === 0) {
      if (done !== undefined) isWriting ? setTimeout(() => this.#flush(done), 10) : done();
      return;
    }
    const lines = this.#waiting;
    this.#waiting = this.#spare!;
    this.#spare = undefined;
    this.#write(lines, 0, done);
  }

  /** A pipe may take less than it was given. */
  #write(lines: LineWriter, from: number, done?: () => void): void {
    write(this.#fd, lines.bytes, from, lines.at - from, null, (error, written) => {
      if (error === null && from + written < lines.at) {
        this.#write(lines, from + written, done);
        return;
      }
      if (error !== null) this.#dropped.value++;
      lines.at = 0;
      // What a stalled disk made large does not stay so.
      this.#spare = lines.bytes.length > 2 * flushBytes ? new LineWriter(flushBytes + spareBytes) : lines;
      done?.();
    });
  }
}
