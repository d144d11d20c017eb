/**
 * `envoy.service.accesslog.v3.AccessLogService` at the end of a Unix socket: entries gathered into messages, one stream a log. Nobody at
 * the other end, or a slow one, costs entries, counted, and never a request.
 */
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import { connect as connectSocket } from 'node:net';
import type { Counter } from '../stats/stats.ts';
import { maxEntryBytes } from './entry.ts';
import { EntryWriter, written } from './entry-writer.ts';

/** Where the other end listens; a port of 0 means that the address is a path. Undefined: not known (yet). */
export type ReportPlace = () => { readonly address: string; readonly port: number } | undefined;

export interface ReportOptions {
  readonly place: ReportPlace;
  readonly logName: string;
  readonly kind: 'http' | 'tcp';
  /** Monotonic milliseconds. */
  readonly clock: () => number;
  readonly flushMs: number;
  readonly messageBytes: number;
  readonly written: Counter;
  readonly dropped: Counter;
}

const method = '/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs';
/** What the other end has not read yet; more is dropped. */
const maxWaitingBytes = 1024 * 1024;
const retryMs = 1000;
/** gRPC's frame head, then the tag and the padded length of `http_logs` or `tcp_logs`. */
const headBytes = 5 + 1 + 3;

export class ReportStream {
  readonly #options: ReportOptions;
  readonly #timer: NodeJS.Timeout;
  #out: EntryWriter | undefined;
  #entries = 0;
  #session: ClientHttp2Session | undefined;
  #stream: ClientHttp2Stream | undefined;
  #lastAttempt = Number.NEGATIVE_INFINITY;

  constructor(options: ReportOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.flush(), options.flushMs).unref();
  }

  /** @param write one entry, at most `maxEntryBytes` */
  add(write: (out: EntryWriter) => void): void {
    if (this.#out === undefined) {
      this.#out = new EntryWriter(Buffer.allocUnsafeSlow(this.#options.messageBytes + maxEntryBytes));
      this.#out.at = headBytes;
    }
    const out = this.#out;
    const start = out.open(1);
    write(out);
    out.close(start);
    this.#entries++;
    if (out.at >= this.#options.messageBytes) this.flush();
  }

  flush(): void {
    const out = this.#out;
    if (out === undefined) return;
    const entries = this.#entries;
    this.#out = undefined;
    this.#entries = 0;
    const stream = this.#open();
    if (stream === undefined || stream.writableLength > maxWaitingBytes) {
      this.#options.dropped.value += entries;
      return;
    }
    const message = out.bytes.subarray(0, out.at);
    message[0] = 0;
    message.writeUInt32BE(message.length - 5, 1);
    message[5] = ((this.#options.kind === 'http' ? 2 : 3) << 3) | 2;
    out.close(headBytes);
    stream.write(message);
    this.#options.written.value += entries;
  }

  /** @returns when the other end has taken what was waiting, or is gone */
  close(): Promise<void> {
    clearInterval(this.#timer);
    this.flush();
    this.#stream?.end();
    const { promise, resolve } = Promise.withResolvers<void>();
    if (this.#session === undefined) resolve();
    else this.#session.close(resolve);
    return promise;
  }

  #open(): ClientHttp2Stream | undefined {
    if (this.#stream !== undefined) return this.#stream;
    const now = this.#options.clock();
    const place = this.#options.place();
    if (place === undefined || now - this.#lastAttempt < retryMs) return undefined;
    this.#lastAttempt = now;
    const session = connect('http://agent', {
      createConnection: () => (place.port === 0 ? connectSocket(place.address) : connectSocket(place.port, place.address)),
    });
    const lost = () => {
      if (this.#session !== session) return;
      this.#session = undefined;
      this.#stream = undefined;
      session.destroy();
    };
    session.on('error', lost);
    session.on('close', lost);
    const stream = session.request({ ':method': 'POST', ':path': method, 'content-type': 'application/grpc', te: 'trailers' });
    stream.on('error', lost);
    stream.on('close', lost);
    stream.resume();
    stream.write(this.#identifier());
    session.unref();
    this.#session = session;
    this.#stream = stream;
    return stream;
  }

  /** The first message of a stream says which log it is. */
  #identifier(): Buffer {
    const message = written(1024, (out) => {
      const identifier = out.open(1);
      out.text(2, this.#options.logName);
      out.close(identifier);
    });
    const frame = Buffer.alloc(5 + message.length);
    frame.writeUInt32BE(message.length, 1);
    message.copy(frame, 5);
    return frame;
  }
}
