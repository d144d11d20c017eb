/** One client connection that speaks HTTP/1: heads are found, requests follow one another, deadlines are kept. */
import type { Socket } from 'node:net';
import type { ConnectionFacts } from '../facts.ts';
import { ConnectionLog } from '../log/connection-log.ts';
import { Outlet } from '../net/outlet.ts';
import { readInto } from '../net/shared-read.ts';
import type { Sweepable } from '../sweeper.ts';
import { acceptRequest } from './accept-request.ts';
import type { Client } from './client.ts';
import { Exchange } from './exchange.ts';
import type { Head } from './head.ts';
import type { Manager } from './manager.ts';
import { parseRequestHead } from './parse-head.ts';
import { hasConnectionOption } from './render.ts';
import { httpDate } from './response.ts';
import { reasonPhrase } from './status.ts';

/**
 * What serves the next request, which configuration may have changed; `isLast`: the answer to it ends the connection. undefined: nothing
 * does, or policies refuse the connection now.
 */
export type CurrentManager = () => { readonly manager: Manager; readonly isLast: boolean } | undefined;

/** How long a connection that was told to end may keep sending. */
const lingerMs = 1000;
const headEnd = Buffer.from('\r\n\r\n');

export class DownstreamConnection implements Sweepable, Client {
  readonly socket: Socket;
  readonly outlet: Outlet;
  readonly #facts: ConnectionFacts;
  readonly #current: CurrentManager;
  #manager: Manager;
  #exchange: Exchange | undefined;
  /** Bytes that wait: half a head, or requests behind the one that is being answered. */
  #waiting: Buffer | undefined;
  #isConsuming = false;
  #isClosing = false;
  #lastByteAt: number;
  #headSince = 0;
  #lingerUntil = 0;

  constructor(socket: Socket, facts: ConnectionFacts, manager: Manager, current: CurrentManager) {
    this.socket = socket;
    this.outlet = new Outlet(socket, facts.isTls);
    this.#facts = facts;
    this.#manager = manager;
    this.#current = current;
    const { runtime } = manager;
    this.#lastByteAt = runtime.clock();
    runtime.sweeper.add(this);
    socket.on('error', () => {});
    socket.on('end', () => this.#gone());
    socket.on('close', () => {
      runtime.sweeper.delete(this);
      this.#gone();
    });
    socket.on('drain', () => this.#exchange?.record.upstream?.socket.resume());
    readInto(socket, (bytes, length) => this.#onBytes(bytes, length));
  }

  #gone(): void {
    const exchange = this.#exchange;
    this.#exchange = undefined;
    exchange?.abort('DC');
    this.socket.destroySoon();
  }

  wantsClose(head: Head): boolean {
    if (this.#manager.runtime.drain.isDraining || this.#current()?.isLast !== false) return true;
    if (hasConnectionOption(head, 'close')) return true;
    return head.minor === 0 && !hasConnectionOption(head, 'keep-alive');
  }

  #onBytes(bytes: Buffer, length: number): void {
    if (this.#isClosing) return;
    this.#lastByteAt = this.#manager.runtime.clock();
    if (this.#waiting === undefined) {
      this.#consume(bytes, 0, length);
      return;
    }
    const before = this.#waiting.length;
    const all = Buffer.concat([this.#waiting, bytes.subarray(0, length)]);
    this.#waiting = undefined;
    // A head that comes byte by byte is parsed when its end is there, not once a byte.
    const isHalfHead = this.#exchange === undefined && all.length <= this.#manager.limits.maxBytes;
    if (isHalfHead && all.indexOf(headEnd, Math.max(0, before - 3)) === -1) this.#waiting = all;
    else this.#consume(all, 0, all.length);
  }

  #consume(bytes: Buffer, from: number, end: number): void {
    this.#isConsuming = true;
    let at = from;
    while (at < end && !this.#isClosing) {
      if (this.#exchange !== undefined) {
        at = this.#exchange.onRequestBytes(bytes, at, end);
        if (this.#exchange !== undefined) break;
        continue;
      }
      const next = this.#begin(bytes, at, end);
      if (next === undefined) break;
      at = next;
    }
    this.#isConsuming = false;
    if (at >= end || this.#isClosing) return;
    this.#waiting = Buffer.from(bytes.subarray(at, end));
    // Half a head is bounded by its limits.
    if (this.#exchange !== undefined) this.socket.pause();
  }

  /** @returns where the bytes behind what was taken begin; undefined: not enough there yet, or over */
  #begin(bytes: Buffer, at: number, end: number): number | undefined {
    const standing = this.#current();
    if (standing === undefined) {
      this.close(true);
      return undefined;
    }
    const { manager } = standing;
    this.#manager = manager;
    const parsed = parseRequestHead(bytes, at, end, manager.limits);
    if (parsed === undefined) {
      if (this.#headSince === 0) this.#headSince = this.#lastByteAt;
      return undefined;
    }
    this.#headSince = 0;
    if (!parsed.ok) {
      this.#refuse(parsed.status, `http1.${parsed.reason}`);
      return undefined;
    }
    const accepted = acceptRequest(parsed.head, this.#facts, manager.accept);
    if (!accepted.ok) {
      this.#refuse(accepted.status, `http1.${accepted.reason}`, accepted.location);
      return undefined;
    }
    const exchange = new Exchange(this, manager, accepted);
    this.#exchange = exchange;
    return exchange.start(bytes, parsed.next, end);
  }

  /** Whatever follows such a request cannot be trusted to be one. */
  #refuse(status: number, reason: string, location?: string): void {
    const { counters, serverName, runtime, loggers } = this.#manager;
    counters.requests.value++;
    counters.answered[3].value++;
    counters.malformed.value++;
    const where = location === undefined ? '' : `location: ${location}\r\n`;
    this.outlet.write(
      Buffer.from(
        `HTTP/1.1 ${status} ${reasonPhrase(status)}\r\n${where}content-length: 0\r\ndate: ${httpDate(runtime.now())}\r\nserver: ${serverName}\r\nconnection: close\r\n\r\n`,
      ),
    );
    const log = new ConnectionLog(this.#facts, runtime);
    log.status = status;
    log.details = reason.replaceAll(' ', '_');
    log.end(loggers, 'DPE');
    this.close(true);
  }

  continueReading(): void {
    if (this.#isConsuming || this.#isClosing) return;
    const bytes = this.#waiting;
    this.#waiting = undefined;
    if (bytes !== undefined) this.#consume(bytes, 0, bytes.length);
    if (this.#waiting === undefined || this.#exchange === undefined) this.socket.resume();
  }

  onExchangeDone(closes: boolean, hasUnreadBody: boolean): void {
    this.outlet.flush();
    this.#exchange = undefined;
    if (closes) this.close(hasUnreadBody);
    else if (!this.#isConsuming && this.#waiting !== undefined) setImmediate(() => this.continueReading());
    else if (this.socket.isPaused()) this.socket.resume();
  }

  /** @param lingers the client may still be sending: reset now and it would lose the answer (RFC 9112 §9.6) */
  close(lingers: boolean): void {
    this.#isClosing = true;
    this.#waiting = undefined;
    if (lingers) {
      this.#lingerUntil = this.#manager.runtime.clock() + lingerMs;
      this.socket.end();
      this.socket.resume();
    } else this.socket.destroySoon();
  }

  /** Nobody waits for an answer on an idle connection: it goes at once. Others end with theirs. */
  recheck(): void {
    if (this.#exchange === undefined && this.#waiting === undefined && !this.#isClosing && this.#current() === undefined) this.close(false);
    else if (this.#exchange?.record.isTunnel === true && this.#current() === undefined) this.#exchange.abort('');
  }

  sweep(now: number): void {
    if (this.#exchange !== undefined) {
      this.#exchange.sweep(now);
      const { streamIdleMs } = this.#manager;
      if (streamIdleMs > 0 && this.#exchange !== undefined && this.#isStalled(now, streamIdleMs)) this.#exchange.stalled();
      return;
    }
    if (this.#lingerUntil > 0) {
      if (now > this.#lingerUntil) this.socket.destroy();
      return;
    }
    const { headersTimeoutMs, idleMs, runtime } = this.#manager;
    if (this.#headSince > 0 && now - this.#headSince > headersTimeoutMs) this.#refuse(408, 'request_header_timeout');
    else if (this.#headSince === 0 && idleMs > 0 && now - this.#lastByteAt > idleMs) this.close(false);
    else if (this.#headSince === 0 && runtime.drain.isDraining && now - this.#lastByteAt > lingerMs) this.close(false);
  }

  #isStalled(now: number, limitMs: number): boolean {
    return this.#exchange !== undefined && !this.#exchange.record.body.isDone && now - this.#lastByteAt > limitMs;
  }
}
