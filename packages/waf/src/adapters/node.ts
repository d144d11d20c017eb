import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Engine } from '../engine/engine.ts';
import type { Interruption } from '../engine/transaction/state.ts';
import type { TransactionResult } from '../engine/transaction/transaction.ts';
import { readRequestBody } from './request-body.ts';
import { guardResponse } from './response-guard.ts';

export interface WafOptions {
  /** Receives what every transaction came to, after its last phase. */
  readonly onResult?: (result: TransactionResult, request: IncomingMessage) => void;
  /** Makes UNIQUE_ID; default: time and a counter. */
  readonly newId?: () => string;
  /** Milliseconds since 1970; default: the system clock. */
  readonly now?: () => number;
  /** Writes the answer to a stopped request; default: the status and a short text. */
  readonly onBlocked?: (interruption: Interruption, request: IncomingMessage, response: ServerResponse) => void;
  /** The engine in force, read once a request: replace it to reload rules without losing one. */
  readonly engine: Engine | (() => Engine);
}

export type Middleware = (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) => void;

/**
 * Middleware for plain `node:http` servers and everything that speaks its signature (Express, Connect, Polka). The
 * application gets the same request object with the whole body unread; WebSocket upgrades never come here.
 */
export function waf(options: WafOptions): Middleware {
  const now = options.now ?? Date.now;
  const newId = options.newId ?? countingId(now);
  const engineOf = typeof options.engine === 'function' ? options.engine : () => options.engine as Engine;
  return (request, response, next) => {
    const transaction = engineOf().transaction({ id: newId(), now, connection: connectionOf(request) });
    let isFinished = false;
    const finish = (): void => {
      if (isFinished) return;
      isFinished = true;
      const result = transaction.finish();
      options.onResult?.(result, request);
    };
    const block = (interruption: Interruption): void => {
      answer(interruption, request, response, options);
      finish();
    };
    response.once('close', finish);
    const stopped = transaction.requestHeaders({
      method: request.method ?? '',
      uri: request.url ?? '',
      protocol: `HTTP/${request.httpVersion}`,
      headers: pairs(request.rawHeaders),
    });
    const proceed = (): void => {
      const interruption = transaction.requestBody();
      if (interruption) {
        block(interruption);
        return;
      }
      guardResponse(response, transaction, block, finish);
      next();
    };
    if (stopped) block(stopped);
    else if (!transaction.wantsRequestBody || !hasBody(request)) proceed();
    else
      readRequestBody(request, transaction, (outcome) => {
        if (outcome.kind === 'interrupted') block(outcome.interruption);
        else if (outcome.kind === 'complete') proceed();
        else finish();
      });
  };
}

/** RFC 9112 §6.3: a request has a body when one of these says so. */
function hasBody(request: IncomingMessage): boolean {
  return request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0;
}

export function pairs(raw: readonly string[]): [string, string][] {
  const headers: [string, string][] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) headers.push([raw[i]!, raw[i + 1]!]);
  return headers;
}

function connectionOf(request: IncomingMessage) {
  const { socket } = request;
  return {
    clientAddress: (socket.remoteAddress ?? '').replace(/^::ffff:/, ''),
    clientPort: socket.remotePort ?? 0,
    serverAddress: (socket.localAddress ?? '').replace(/^::ffff:/, ''),
    serverPort: socket.localPort ?? 0,
  };
}

function countingId(now: () => number): () => string {
  let count = 0;
  return () => `${now().toString(36)}-${(count++).toString(36)}`;
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
  if (interruption.url !== undefined) response.setHeader('Location', interruption.url.replace(/[^\x20-\x7e]/g, ''));
  const text = interruption.kind === 'redirect' ? '' : 'Forbidden\n';
  response.writeHead(interruption.status, {
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': Buffer.byteLength(text),
    Connection: 'close',
  });
  response.end(text);
}
