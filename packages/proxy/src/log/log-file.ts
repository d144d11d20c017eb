/** Lines gathered and written behind the requests. A disk that stalls loses lines, counted, and never holds requests. */
import { close, openSync, write } from 'node:fs';
import type { Counter } from '../stats/stats.ts';

/** Envoy flushes at 64 KiB or every 10 s; a second is kinder to who watches. */
const flushChars = 65_536;
const flushMs = 1000;
const maxWaitingChars = 8 * 1024 * 1024;

export class LogFile {
  #fd: number;
  #waiting = '';
  #isWriting = false;
  readonly #timer: NodeJS.Timeout;
  readonly #dropped: Counter;

  constructor(path: string, dropped: Counter) {
    this.#fd = path === '/dev/stdout' ? 1 : path === '/dev/stderr' ? 2 : openSync(path, 'a');
    this.#dropped = dropped;
    this.#timer = setInterval(() => this.#flush(), flushMs).unref();
  }

  write(line: string): void {
    if (this.#waiting.length > maxWaitingChars) {
      this.#dropped.value++;
      return;
    }
    this.#waiting += line;
    if (this.#waiting.length >= flushChars) this.#flush();
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
    if (this.#isWriting || this.#waiting === '') {
      if (done !== undefined) this.#isWriting ? setTimeout(() => this.#flush(done), 10) : done();
      return;
    }
    const text = this.#waiting;
    this.#waiting = '';
    this.#isWriting = true;
    write(this.#fd, text, (error) => {
      this.#isWriting = false;
      if (error !== null) this.#dropped.value++;
      done?.();
    });
  }
}
