/** The answer of one exchange: the upstream's, relayed, or the proxy's own. */
import { BodyReader } from './body.ts';
import type { Exchange } from './exchange.ts';
import { type Framing, responseFraming } from './framing.ts';
import { Field, type Head } from './head.ts';
import { parseResponseHead } from './parse-head.ts';
import { connectionListed, dropBit, fieldsStart, hasConnectionOption, linesOf, renderHead, responseDrops } from './render.ts';
import type { LocalReply } from './request-state.ts';
import { reasonPhrase } from './status.ts';

/** What stands before the status code, which is the proxy's own (RFC 9112 §2.3); code and reason pass as they came. */
const ownVersion = ['HTTP/1.1 '];
const versionBytes = 9;

export class ResponseRelay {
  readonly #exchange: Exchange;
  /** A byte of the answer is on its way to the client. */
  hasStarted = false;
  /** The upstream has said something, be it half a head. */
  isHeard = false;
  head: Head | undefined;
  serviceTime: string | undefined;
  #waiting: Buffer | undefined;
  #body: BodyReader | undefined;
  #framing: Framing | undefined;
  #isClosing = false;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  onBytes(given: Buffer, length: number): void {
    const exchange = this.#exchange;
    this.isHeard = true;
    if (exchange.isTunnel) {
      this.#heed(exchange.down.outlet.content(given, 0, length, 0));
      exchange.bytesSent += length;
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
    while (this.#body === undefined && !exchange.isDone) {
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
    if (exchange.isDone || this.#body === undefined) return;
    if (at < end && this.#body.isLengthFramed && !this.#body.isDone) {
      const taken = this.#body.take(end - at);
      exchange.bytesSent = this.#body.contentBytes;
      this.#heed(exchange.down.outlet.content(bytes, at, at + taken, this.#body.announced));
      at += taken;
    } else if (at < end && !this.#body.isDone) {
      const { out, next } = this.#body.read(bytes, at, end);
      if (this.#body.error !== undefined) {
        exchange.abort('UPE');
        return;
      }
      at = next;
      if (out.length > 0) this.#relay(out);
    }
    if (this.#body.isDone) this.#complete(at === end);
  }

  /** The upstream ended its side. */
  onEnd(): void {
    const exchange = this.#exchange;
    if (exchange.isTunnel) {
      exchange.finish(false);
      exchange.down.close(false);
      return;
    }
    const rest = this.#body?.finish();
    if (rest === undefined) {
      exchange.abort('UC');
      return;
    }
    if (rest.length > 0) this.#relay(rest);
    this.#complete(false);
  }

  /** Renders head and what is there of the body in one write. @returns how far the bytes were taken */
  #start(head: Head, bytes: Buffer, at: number, end: number): number {
    const exchange = this.#exchange;
    const { manager, state } = exchange;
    const framing = responseFraming(head, state.method);
    if (!framing.ok) {
      this.#upstreamBroken();
      return at;
    }
    this.head = head;
    this.#framing = framing.framing;
    const isHttp10 = state.head.minor === 0;
    const rendersChunks = (framing.framing.kind === 'chunked' || framing.framing.kind === 'until-close') && !isHttp10;
    const body = new BodyReader(framing.framing, rendersChunks);
    this.#body = body;
    exchange.status = head.status;
    exchange.details = 'via_upstream';
    this.serviceTime = String(Math.round(manager.runtime.clock() - exchange.startedAt));
    let drops = responseDrops | dropBit(Field.upstreamServiceTime);
    const added = ['x-envoy-upstream-service-time: ', this.serviceTime, '\r\n'];
    if (manager.serverHeader === 'overwrite' || (manager.serverHeader === 'if-absent' && !head.has(Field.server))) {
      drops |= dropBit(Field.server);
      added.push('server: ', manager.serverName, '\r\n');
    }
    if (!head.has(Field.date)) added.push('date: ', httpDate(exchange.startMs), '\r\n');
    if (rendersChunks) added.push('transfer-encoding: chunked\r\n');
    this.#isClosing =
      exchange.down.wantsClose(state.head) ||
      !exchange.body.isDone ||
      (isHttp10 && framing.framing.kind !== 'length' && framing.framing.kind !== 'none');
    if (this.#isClosing) added.push('connection: close\r\n');
    else if (isHttp10) added.push('connection: keep-alive\r\n');
    let removed: readonly string[] = head.has(Field.connection) ? connectionListed(head) : [];
    const changes = exchange.target?.response;
    if (changes !== undefined && changes.add.length + changes.remove.length > 0) {
      removed = [...removed, ...changes.remove];
      added.push(...linesOf(changes, (lower) => head.values(Buffer.from(lower)).length > 0));
    }
    const taken = body.isLengthFramed ? body.take(end - at) : 0;
    const rendered = renderHead({ head, firstLine: ownVersion, from: versionBytes, drops, removed, added });
    this.hasStarted = true;
    exchange.bytesSent = body.contentBytes;
    this.#heed(exchange.down.outlet.begin(rendered, bytes, at, at + taken, body.announced));
    return at + taken;
  }

  #relay(bytes: Buffer): void {
    const exchange = this.#exchange;
    exchange.bytesSent = this.#body?.contentBytes ?? exchange.bytesSent;
    this.#heed(exchange.down.outlet.write(bytes));
  }

  /** @param goesOn false: the client reads too slowly */
  #heed(goesOn: boolean): void {
    if (!goesOn) this.#exchange.upstream?.socket.pause();
  }

  #complete(isExact: boolean): void {
    const exchange = this.#exchange;
    const { head } = this;
    exchange.bytesSent = this.#body?.contentBytes ?? 0;
    const isReusable =
      isExact && exchange.body.isDone && this.#framing?.kind !== 'until-close' && head?.minor === 1 && !hasConnectionOption(head, 'close');
    exchange.finish(isReusable);
    exchange.down.onExchangeDone(this.#isClosing, !exchange.body.isDone);
  }

  /** 101: both sides become plain streams, when this request asked for it and configuration allows it. */
  #switch(head: Head, rest: Buffer): void {
    const exchange = this.#exchange;
    if (exchange.upgrade === undefined || head.first(Field.upgrade)?.toLowerCase() !== exchange.upgrade) {
      this.#upstreamBroken();
      return;
    }
    this.head = head;
    this.hasStarted = true;
    exchange.status = 101;
    exchange.details = 'via_upstream';
    exchange.isTunnel = true;
    const rendered = renderHead({
      head,
      firstLine: ['HTTP/1.1 101 Switching Protocols\r\n'],
      from: fieldsStart(head),
      drops: responseDrops,
      removed: [],
      added: [`connection: upgrade\r\nupgrade: ${exchange.upgrade}\r\n`],
    });
    exchange.bytesSent = rest.length;
    this.#heed(exchange.down.outlet.begin(rendered, rest, 0, rest.length, 0));
    exchange.down.continueReading();
  }

  #upstreamBroken(): void {
    const exchange = this.#exchange;
    exchange.upstream?.destroy();
    exchange.upstream = undefined;
    if (this.hasStarted) exchange.abort('UPE');
    else {
      this.local({
        status: 502,
        body: 'upstream connect error or disconnect/reset before headers. reset reason: protocol error',
        flags: 'UPE',
        details: 'upstream_reset_before_response_started{protocol_error}',
      });
      exchange.down.continueReading();
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
    const exchange = this.#exchange;
    if (exchange.isDone) return;
    const { state, manager, down } = exchange;
    const unread = !exchange.body.isDone;
    const closes = this.#isClosing || unread || down.wantsClose(state.head);
    exchange.status = reply.status;
    exchange.details = reply.details;
    exchange.flags = reply.flags ?? '';
    this.hasStarted = true;
    const lines = [
      `HTTP/1.1 ${reply.status} ${reasonPhrase(reply.status)}`,
      ...(reply.headers ?? []),
      ...(reply.body === '' ? [] : ['content-type: text/plain']),
      `content-length: ${Buffer.byteLength(reply.body)}`,
      `date: ${httpDate(exchange.startMs)}`,
      `server: ${manager.serverName}`,
      ...(closes ? ['connection: close'] : []),
    ];
    const body = state.method === 'HEAD' ? '' : reply.body;
    exchange.bytesSent = Buffer.byteLength(body);
    down.outlet.write(Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`));
    exchange.upstream?.destroy();
    exchange.upstream = undefined;
    exchange.finish(false);
    down.onExchangeDone(closes, unread);
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
