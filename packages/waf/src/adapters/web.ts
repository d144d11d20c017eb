import type { RequestHead } from '../engine/transaction/request.ts';
import { fieldsAboutBytes } from '../engine/transaction/rewrites.ts';
import type { Connection, Interruption } from '../engine/transaction/state.ts';
import type { Transaction } from '../engine/transaction/transaction.ts';
import type { Inspection, InspectOptions } from './options.ts';
import { blockedText, inspectionOf, locationOf } from './options.ts';
import { between, readAhead } from './web-body.ts';

export type { RuleSource } from './files.ts';
export { coreRuleSet, loadEngine } from './files.ts';

export interface WebWafOptions extends InspectOptions<Request> {
  /** Makes the answer to a stopped request; default: the status and a short text. */
  readonly onBlocked?: (interruption: Interruption, request: Request) => Response;
}

/** What a `Request` does not tell. Whatever is absent is empty or zero to the rules. */
export interface WebContext {
  readonly connection?: Connection;
  /** As the client wrote it, where the runtime still knows: a `Request` holds a URL already normalised. */
  readonly head?: RequestHead;
}

export type WebHandler = (request: Request) => Response | Promise<Response>;

const unknownConnection: Connection = { clientAddress: '', clientPort: 0, serverAddress: '', serverPort: 0 };

/**
 * Wrap a handler of Web `Request` and `Response`. The handler gets the same method, URL, headers and body bytes; a response
 * whose media type is not inspected is returned untouched, as are streams and upgrades.
 *
 * Web requests know no drop: a rule that drops is answered with its status.
 */
export function waf(options: WebWafOptions): (request: Request, handle: WebHandler, context?: WebContext) => Promise<Response> {
  const inspection = inspectionOf(options);
  return async (request, handle, context = {}) => {
    const transaction = inspection.open(request, context.connection ?? unknownConnection);
    const block = (interruption: Interruption): Response => options.onBlocked?.(interruption, request) ?? answer(interruption);
    try {
      const stopped = transaction.requestHeaders(context.head ?? headOf(request));
      if (stopped) return block(stopped);
      const passed = await inspectRequestBody(request, transaction, inspection.judgeBody);
      if (!(passed instanceof Request) && 'reason' in passed) return block(passed);
      return await inspectResponse(await handle(passed), transaction, block);
    } finally {
      inspection.close(transaction, request);
    }
  };
}

async function inspectRequestBody(
  request: Request,
  transaction: Transaction,
  judge: Inspection<Request>['judgeBody'],
): Promise<Request | Interruption> {
  if (request.bodyUsed)
    throw new Error('Cannot inspect the request body: it was read before the WAF saw it. Put waf() before what reads bodies.');
  const { body } = request;
  if (!transaction.wantsRequestBody || body === null) return (await judge(transaction)) ?? request;
  const read = await readAhead(body, transaction.state.requestBodyLimit, (chunk) => transaction.requestBodyChunk(chunk));
  if (read.kind === 'interrupted') return read.interruption;
  const interruption = await judge(transaction);
  if (interruption) {
    await read.cancel();
    return interruption;
  }
  const { url, method, signal, redirect } = request;
  const { rewrittenRequestBody } = transaction;
  const headers = new Headers(request.headers);
  if (rewrittenRequestBody && headers.has('content-length')) headers.set('content-length', String(rewrittenRequestBody.length));
  if (rewrittenRequestBody) {
    await read.cancel();
    return new Request(url, { method, headers, signal, redirect, body: rewrittenRequestBody });
  }
  // `duplex` (Fetch §5.4): required with a stream; not in every type library.
  return new Request(url, { method, headers, signal, redirect, body: read.replay(), duplex: 'half' } as RequestInit);
}

async function inspectResponse(
  response: Response,
  transaction: Transaction,
  block: (interruption: Interruption) => Response,
): Promise<Response> {
  const stopped = transaction.responseHeaders({ status: response.status, protocol: 'HTTP/1.1', headers: [...response.headers] });
  if (stopped) {
    await response.body?.cancel();
    return block(stopped);
  }
  if (!transaction.wantsResponseBody) return edited(response, response.body, transaction);
  if (response.body === null) {
    const interruption = transaction.responseBody();
    return interruption ? block(interruption) : edited(response, null, transaction);
  }
  const read = await readAhead(response.body, transaction.state.responseBodyLimit, (chunk) => transaction.responseBodyChunk(chunk));
  if (read.kind === 'interrupted') return block(read.interruption);
  const interruption = transaction.responseBody();
  if (interruption) {
    await read.cancel();
    return block(interruption);
  }
  return edited(response, read.replay(), transaction);
}

/** @param body what is left of the response's; null: it has none */
function edited(response: Response, body: ReadableStream<Uint8Array> | null, transaction: Transaction): Response {
  const { status, statusText } = response;
  const edits = transaction.responseEdits;
  if (!edits) return body === response.body ? response : new Response(body, { status, statusText, headers: response.headers });
  const headers = new Headers(response.headers);
  for (const name of fieldsAboutBytes) headers.delete(name);
  return new Response(between(edits, body), { status, statusText, headers });
}

/** A `Request` made from a URL has no Host header, and its path is already normalised (WHATWG URL). */
function headOf(request: Request): RequestHead {
  const { host, pathname, search } = new URL(request.url);
  const headers = [...request.headers];
  if (!request.headers.has('host')) headers.push(['host', host]);
  return { method: request.method, uri: `${pathname}${search}`, protocol: 'HTTP/1.1', headers };
}

function answer(interruption: Interruption): Response {
  const headers = new Headers({ 'Content-Type': 'text/plain; charset=utf-8' });
  const location = locationOf(interruption);
  if (location !== undefined) headers.set('Location', location);
  return new Response(blockedText(interruption), { status: interruption.status, headers });
}
