import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { RequestHead } from '../engine/transaction/request.ts';
import type { Connection, Interruption } from '../engine/transaction/state.ts';
import type { InspectOptions } from './options.ts';
import { blockedText, inspectionOf, locationOf } from './options.ts';
import { readRequestBody, replaceRequestBody } from './request-body.ts';
import { guardResponse } from './response-guard.ts';

export type { RuleSource } from './files.ts';
export { coreRuleSet, loadEngine } from './files.ts';

export interface WafOptions extends InspectOptions<IncomingMessage> {
  /** Writes the answer to a stopped request; default: the status and a short text. */
  readonly onBlocked?: (interruption: Interruption, request: IncomingMessage, response: ServerResponse) => void;
}

export type Middleware = (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) => void;

/**
 * Middleware for plain `node:http` servers and everything that speaks its signature (Connect, Polka). The application
 * gets the same request object with the whole body unread. WebSocket upgrades never come here: see `wafUpgrade`.
 *
 * It must come before whatever reads bodies: a request whose body is already read goes to `next` as an error.
 */
export function waf(options: WafOptions): Middleware {
  const inspection = inspectionOf(options);
  return (request, response, next) => {
    const expectsBody = hasBody(request);
    if (expectsBody && request.readableDidRead) {
      next(new Error('Cannot inspect the request body: it was read before the WAF saw it. Mount waf() before body parsers.'));
      return;
    }
    const transaction = inspection.open(request, connectionOf(request));
    let isFinished = false;
    const finish = (): void => {
      if (isFinished) return;
      isFinished = true;
      inspection.close(transaction, request);
    };
    const block = (interruption: Interruption): void => {
      answer(interruption, request, response, options);
      finish();
    };
    response.once('close', finish);
    const stopped = transaction.requestHeaders(headOf(request));
    const conclude = (interruption: Interruption | undefined): void => {
      // The client may have gone while a thread looked at its body.
      if (isFinished) return;
      if (interruption) {
        block(interruption);
        return;
      }
      const { rewrittenRequestBody } = transaction;
      if (rewrittenRequestBody && expectsBody) replaceRequestBody(request, rewrittenRequestBody);
      guardResponse(response, transaction, block, finish);
      next();
    };
    const proceed = (): void => {
      const verdict = inspection.judgeBody(transaction);
      // In the same turn where it can be: the body was put back, and nobody reads it yet.
      if (verdict instanceof Promise) void verdict.then(conclude);
      else conclude(verdict);
    };
    if (stopped) block(stopped);
    else if (!transaction.wantsRequestBody || !expectsBody) proceed();
    else
      readRequestBody(request, transaction, (outcome) => {
        if (outcome.kind === 'interrupted') block(outcome.interruption);
        else if (outcome.kind === 'complete') proceed();
        else finish();
      });
  };
}

/**
 * Inspect a WebSocket handshake (phases 1 and 2) before the server's `upgrade` handler answers it; the frames that follow
 * are not looked at. A stopped handshake is answered and its socket closed.
 *
 * @returns a listener: `server.on('upgrade', wafUpgrade(options, (request, socket, head) => …))`
 */
export function wafUpgrade(
  options: InspectOptions<IncomingMessage>,
  accept: (request: IncomingMessage, socket: Duplex, head: Buffer) => void,
): (request: IncomingMessage, socket: Duplex, head: Buffer) => void {
  const inspection = inspectionOf(options);
  return (request, socket, head) => {
    const transaction = inspection.open(request, connectionOf(request));
    const interruption = transaction.requestHeaders(headOf(request)) ?? transaction.requestBody();
    inspection.close(transaction, request);
    if (!interruption) {
      accept(request, socket, head);
      return;
    }
    if (interruption.kind === 'drop') {
      socket.destroy();
      return;
    }
    const text = blockedText(interruption);
    const location = locationOf(interruption);
    socket.on('error', () => socket.destroy());
    socket.end(
      `HTTP/1.1 ${interruption.status} Blocked\r\n${location === undefined ? '' : `Location: ${location}\r\n`}Content-Type: text/plain; charset=utf-8\r\nContent-Length: ${text.length}\r\nConnection: close\r\n\r\n${text}`,
    );
  };
}

/** The request as the client wrote it. A framework that rewrites `url` under a mount path keeps the whole in `originalUrl`. */
export function headOf(request: IncomingMessage & { readonly originalUrl?: string }): RequestHead {
  return {
    method: request.method ?? '',
    uri: request.originalUrl ?? request.url ?? '',
    protocol: `HTTP/${request.httpVersion}`,
    headers: pairs(request.rawHeaders),
  };
}

/** RFC 9112 §6.3: a request has a body when one of these says so. */
function hasBody(request: IncomingMessage): boolean {
  return request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0;
}

function pairs(raw: readonly string[]): [string, string][] {
  const headers: [string, string][] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) headers.push([raw[i]!, raw[i + 1]!]);
  return headers;
}

/** An IPv4 peer of a socket that also speaks IPv6 is written as IPv4. */
export function connectionOf({ socket }: IncomingMessage): Connection {
  return {
    clientAddress: (socket.remoteAddress ?? '').replace(/^::ffff:/, ''),
    clientPort: socket.remotePort ?? 0,
    serverAddress: (socket.localAddress ?? '').replace(/^::ffff:/, ''),
    serverPort: socket.localPort ?? 0,
  };
}

function answer(interruption: Interruption, request: IncomingMessage, response: ServerResponse, options: WafOptions): void {
  if (interruption.kind === 'drop' || response.headersSent) {
    response.destroy();
    return;
  }
  if (options.onBlocked) {
    options.onBlocked(interruption, request, response);
    return;
  }
  for (const name of response.getHeaderNames()) response.removeHeader(name);
  const location = locationOf(interruption);
  if (location !== undefined) response.setHeader('Location', location);
  const text = blockedText(interruption);
  response.writeHead(interruption.status, {
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': Buffer.byteLength(text),
    Connection: 'close',
  });
  response.end(text);
}
