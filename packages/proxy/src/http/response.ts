/** The answer of one exchange: the upstream's, relayed, or the proxy's own. */
import { BodyReader } from './body.ts';
import type { Client } from './client.ts';
import type { ExchangeRecord } from './exchange-record.ts';
import { type Framing, responseFraming } from './framing.ts';
import { Field, type Head } from './head.ts';
import { parseResponseHead } from './parse-head.ts';
import { connectionListed, dropBit, fieldsStart, hasConnectionOption, linesOf, renderHead, responseDrops } from './render.ts';
import type { LocalReply } from './request-state.ts';
import { reasonPhrase } from './status.ts';

/** What stands before the status code, which is the proxy's own (RFC 9112 §2.3); code and reason pass as they came. */
const ownVersion = ['HTTP/1.1 '];
const versionBytes = 9;

/** What an answer does to its record. */
export interface ExchangeEnd {
  /** @param isReusable the upstream connection may carry another request */
  finish(isReusable: boolean): void;
  /** The client is gone, or the answer cannot be finished. */
  abort(flags: string): void;
}

export class ResponseRelay {
  readonly #record: ExchangeRecord;
  readonly #client: Client;
  readonly #exchange: ExchangeEnd;
  /** A byte of the answer is on its way to the client. */
  hasStarted = false;
  /** The upstream has said something, be it half a head. */
  isHeard = false;
  #waiting: Buffer | undefined;
  #body: BodyReader | undefined;
  #framing: Framing | undefined;
  #isClosing = false;

  constructor(record: ExchangeRecord, client: Client, exchange: ExchangeEnd) {
    this.#record = record;
    this.#client = client;
    this.#exchange = exchange;
  }

  onBytes(given: Buffer, length: number): void {
    const record = this.#record;
    this.isHeard = true;
    if (record.isTunnel) {
      this.#heed(this.#client.outlet.content(given, 0, length, 0));
      record.bytesSent += length;
      return;
    }
    let bytes = given;
    let end = length;
    if (this.#waiting !== undefined) {
      bytes = Buffer.concat([this.#waiting, given.subarray(0, length)]);
      end = bytes.length;
      this.#waiting = undefined;
    }
    let at = 0;
    while (this.#body === undefined && !record.isDone) {
      const parsed = parseResponseHead(bytes, at, end);
      if (parsed === undefined) {
        this.#waiting = Buffer.from(bytes.subarray(at, end));
        return;
      }
      if (!parsed.ok) {
        this.#upstreamBroken();
        return;
      }
      at = parsed.next;
      if (parsed.head.status === 101) {
        this.#switch(parsed.head, bytes.subarray(at, end));
        return;
      }
      // Interim answers end here: this proxy answers `expect` itself.
      if (parsed.head.status >= 200) at = this.#start(parsed.head, bytes, at, end);
    }
    if (record.isDone || this.#body === undefined) return;
    if (at < end && this.#body.isLengthFramed && !this.#body.isDone) {
      const taken = this.#body.take(end - at);
      record.bytesSent = this.#body.contentBytes;
      this.#heed(this.#client.outlet.content(bytes, at, at + taken, this.#body.announced));
      at += taken;
    } else if (at < end && !this.#body.isDone) {
      const { out, next } = this.#body.read(bytes, at, end);
      if (this.#body.error !== undefined) {
        this.#exchange.abort('UPE');
        return;
      }
      at = next;
      if (out.length > 0) this.#relay(out);
    }
    if (this.#body.isDone) this.#complete(at === end);
  }

  /** The upstream ended its side. */
  onEnd(): void {
    const record = this.#record;
    if (record.isTunnel) {
      this.#exchange.finish(false);
      this.#client.close(false);
      return;
    }
    const rest = this.#body?.finish();
    if (rest === undefined) {
      this.#exchange.abort('UC');
      return;
    }
    if (rest.length > 0) this.#relay(rest);
    this.#complete(false);
  }

  /** Renders head and what is there of the body in one write. @returns how far the bytes were taken */
  #start(head: Head, bytes: Buffer, at: number, end: number): number {
    const record = this.#record;
    const { manager, state } = record;
    const framing = responseFraming(head, state.method);
    if (!framing.ok) {
      this.#upstreamBroken();
      return at;
    }
    record.answer = head;
    this.#framing = framing.framing;
    const isHttp10 = state.head.minor === 0;
    const rendersChunks = (framing.framing.kind === 'chunked' || framing.framing.kind === 'until-close') && !isHttp10;
    const body = new BodyReader(framing.framing, rendersChunks);
    this.#body = body;
    record.status = head.status;
    record.details = 'via_upstream';
    record.serviceTime = String(Math.round(manager.runtime.clock() - record.startedAt));
    let drops = responseDrops | dropBit(Field.upstreamServiceTime);
    const added = ['x-envoy-upstream-service-time: ', record.serviceTime, '\r\n'];
    if (manager.serverHeader === 'overwrite' || (manager.serverHeader === 'if-absent' && !head.has(Field.server))) {
      drops |= dropBit(Field.server);
      added.push('server: ', manager.serverName, '\r\n');
    }
    if (!head.has(Field.date)) added.push('date: ', httpDate(record.startMs), '\r\n');
    if (rendersChunks) added.push('transfer-encoding: chunked\r\n');
    this.#isClosing =
      this.#client.wantsClose(state.head) ||
      !record.body.isDone ||
      (isHttp10 && framing.framing.kind !== 'length' && framing.framing.kind !== 'none');
    if (this.#isClosing) added.push('connection: close\r\n');
    else if (isHttp10) added.push('connection: keep-alive\r\n');
    let removed: readonly string[] = head.has(Field.connection) ? connectionListed(head) : [];
    const changes = record.target?.response;
    if (changes !== undefined && changes.add.length + changes.remove.length > 0) {
      removed = [...removed, ...changes.remove];
      added.push(...linesOf(changes, (lower) => head.values(Buffer.from(lower)).length > 0));
    }
    const taken = body.isLengthFramed ? body.take(end - at) : 0;
    const rendered = renderHead({ head, firstLine: ownVersion, from: versionBytes, drops, removed, added });
    this.hasStarted = true;
    record.bytesSent = body.contentBytes;
    this.#heed(this.#client.outlet.begin(rendered, bytes, at, at + taken, body.announced));
    return at + taken;
  }

  #relay(bytes: Buffer): void {
    const record = this.#record;
    record.bytesSent = this.#body?.contentBytes ?? record.bytesSent;
    this.#heed(this.#client.outlet.write(bytes));
  }

  /** @param goesOn false: the client reads too slowly */
  #heed(goesOn: boolean): void {
    if (!goesOn) this.#record.upstream?.socket.pause();
  }

  #complete(isExact: boolean): void {
    const record = this.#record;
    const { answer } = record;
    record.bytesSent = this.#body?.contentBytes ?? 0;
    const isReusable =
      isExact &&
      record.body.isDone &&
      this.#framing?.kind !== 'until-close' &&
      answer?.minor === 1 &&
      !hasConnectionOption(answer, 'close');
    this.#exchange.finish(isReusable);
    this.#client.onExchangeDone(this.#isClosing, !record.body.isDone);
  }

  /** 101: both sides become plain streams, when this request asked for it and configuration allows it. */
  #switch(head: Head, rest: Buffer): void {
    const record = this.#record;
    if (record.upgrade === undefined || head.first(Field.upgrade)?.toLowerCase() !== record.upgrade) {
      this.#upstreamBroken();
      return;
    }
    record.answer = head;
    this.hasStarted = true;
    record.status = 101;
    record.details = 'via_upstream';
    record.isTunnel = true;
    const rendered = renderHead({
      head,
      firstLine: ['HTTP/1.1 101 Switching Protocols\r\n'],
      from: fieldsStart(head),
      drops: responseDrops,
      removed: [],
      added: [`connection: upgrade\r\nupgrade: ${record.upgrade}\r\n`],
    });
    record.bytesSent = rest.length;
    this.#heed(this.#client.outlet.begin(rendered, rest, 0, rest.length, 0));
    this.#client.continueReading();
  }

  #upstreamBroken(): void {
    const record = this.#record;
    record.dropUpstream();
    if (this.hasStarted) this.#exchange.abort('UPE');
    else {
      this.local({
        status: 502,
        body: 'upstream connect error or disconnect/reset before headers. reset reason: protocol error',
        flags: 'UPE',
        details: 'upstream_reset_before_response_started{protocol_error}',
      });
      this.#client.continueReading();
    }
  }

  /** The request turned out to be malformed while its body was read. */
  refuse(reason: string): void {
    if (this.hasStarted) this.#exchange.abort('DPE');
    else {
      this.#isClosing = true;
      this.local({ status: 400, body: '', flags: 'DPE', details: `http1.${reason.replaceAll(' ', '_')}` });
    }
  }

  /** An answer of the proxy's own. Body bytes still on their way make the connection end after it. */
  local(reply: LocalReply): void {
    const record = this.#record;
    if (record.isDone) return;
    const { state, manager } = record;
    const unread = !record.body.isDone;
    const closes = this.#isClosing || unread || this.#client.wantsClose(state.head);
    record.status = reply.status;
    record.details = reply.details;
    record.flags = reply.flags ?? '';
    this.hasStarted = true;
    const lines = [
      `HTTP/1.1 ${reply.status} ${reasonPhrase(reply.status)}`,
      ...(reply.headers ?? []),
      ...(reply.body === '' ? [] : ['content-type: text/plain']),
      `content-length: ${Buffer.byteLength(reply.body)}`,
      `date: ${httpDate(record.startMs)}`,
      `server: ${manager.serverName}`,
      ...(closes ? ['connection: close'] : []),
    ];
    const body = state.method === 'HEAD' ? '' : reply.body;
    record.bytesSent = Buffer.byteLength(body);
    this.#client.outlet.write(Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`));
    record.dropUpstream();
    this.#exchange.finish(false);
    this.#client.onExchangeDone(closes, unread);
  }
}

let dateSecond = 0;
let dateText = '';

/** RFC 9110 §5.6.7; one string a second. */
export function httpDate(ms: number): string {
  const second = Math.floor(ms / 1000);
  if (second !== dateSecond) {
    dateSecond = second;
    dateText = new Date(ms).toUTCString();
  }
  return dateText;
}
