/** How messages leave a socket: in as few system calls, and copied as rarely, as its transport allows. */
import type { Socket } from 'node:net';
import { copyBytes } from './copy-bytes.ts';
import { joinInPlace } from './shared-read.ts';
import { allocate, copyOf, giveBack } from './slab.ts';

/**
 * More than one read holds (64 KiB) twice over: with Node's 16 KiB every larger piece would stop the other side and start it again,
 * although the kernel had taken it at once.
 */
export const buffering = { highWaterMark: 128 * 1024 };

/** One read of TLS: four records. */
const mostGathered = 64 * 1024;

const gatheredBytes = (length: number, rest: number) => Math.max(length, Math.min(length + rest, mostGathered));

let gathering: Outlet[] = [];

function flushAll(): void {
  const outlets = gathering;
  gathering = [];
  for (const outlet of outlets) outlet.flush();
}

export class Outlet {
  readonly #socket: Socket;
  readonly #isTls: boolean;
  /** The message that is being gathered, and how much of it is there. */
  #message: Buffer | undefined;
  #length = 0;

  constructor(socket: Socket, isTls: boolean) {
    this.#socket = socket;
    this.#isTls = isTls;
  }

  /**
   * Writes bytes that nobody else holds: if they were cut from the slab, they are overwritten as soon as the socket has taken them.
   *
   * @returns false when the reader is too slow
   */
  write(bytes: Buffer): boolean {
    this.flush();
    return this.#send(bytes);
  }

  /**
   * A head and what is there of its content, in one write.
   *
   * @param head nobody else holds it
   * @param bytes content from `start` to `end`; the next read overwrites it
   * @param rest how much more is announced; 0 also where nobody knows. A plain socket waits for it, at the latest until the events of the
   * moment are dealt with: TLS hands over a message of 16 KiB in two pieces, which would be two system calls.
   */
  begin(head: Buffer, bytes: Buffer, start: number, end: number, rest: number): boolean {
    this.flush();
    const isGathered = rest > 0 && !this.#isTls;
    if (start === end && !isGathered) return this.#send(head);
    const whole = this.#encryptsAtOnce ? joinInPlace(head, bytes, start, end) : undefined;
    giveBack(head);
    if (whole !== undefined) return this.#write(whole);
    const length = head.length + end - start;
    const message = allocate(isGathered ? gatheredBytes(length, rest) : length, bytes.byteOffset + start - head.length);
    // Where the head was given back the two overlap.
    head.copy(message);
    copyBytes(bytes, start, end, message, head.length);
    return this.#gather(message, length);
  }

  /** More content, as `begin` has it. */
  content(bytes: Buffer, start: number, end: number, rest: number): boolean {
    let at = start;
    while (this.#message !== undefined && at < end) {
      const taken = Math.min(end - at, this.#message.length - this.#length);
      copyBytes(bytes, at, at + taken, this.#message, this.#length);
      this.#length += taken;
      at += taken;
      if (this.#length === this.#message.length) this.flush();
    }
    if (at === end) return !this.#socket.writableNeedDrain;
    if (this.#encryptsAtOnce) return this.#write(bytes.subarray(at, end));
    if (rest === 0 || this.#isTls) return this.#send(copyOf(bytes, at, end));
    const length = end - at;
    const message = allocate(gatheredBytes(length, rest), bytes.byteOffset + at);
    copyBytes(bytes, at, end, message, 0);
    return this.#gather(message, length);
  }

  /** Nothing is waited for any longer. */
  flush(): void {
    const message = this.#message;
    if (message === undefined) return;
    this.#message = undefined;
    // What is not filled was kept for content that did not come yet.
    this.#send(this.#length === message.length ? message : message.subarray(0, this.#length));
  }

  /** @param length how much of the message is there; all of it leaves at once */
  #gather(message: Buffer, length: number): boolean {
    if (length === message.length) return this.#send(message);
    this.#message = message;
    this.#length = length;
    if (gathering.push(this) === 1) setImmediate(flushAll);
    return !this.#socket.writableNeedDrain;
  }

  /** A TLS socket that has nothing waiting has encrypted what it is given when `write` returns. */
  get #encryptsAtOnce(): boolean {
    return this.#isTls && this.#socket.writableLength === 0;
  }

  #send(bytes: Buffer): boolean {
    const isEncrypted = this.#encryptsAtOnce;
    const goesOn = this.#write(bytes);
    // Of a plain socket that keeps nothing the kernel has taken all.
    if (isEncrypted || this.#socket.writableLength === 0) giveBack(bytes);
    return goesOn;
  }

  #write(bytes: Buffer): boolean {
    return this.#socket.writable ? this.#socket.write(bytes) : true;
  }
}
