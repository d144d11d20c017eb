import type { ServerResponse } from 'node:http';
import { fieldsAboutBytes } from '../engine/transaction/rewrites.ts';
import type { Interruption } from '../engine/transaction/state.ts';
import type { Transaction } from '../engine/transaction/transaction.ts';

type Write = (chunk: unknown, encoding?: unknown, callback?: unknown) => boolean;

/**
 * Stand between the application and its response. Headers go through phase 3; a body is held back only while its media
 * type is inspected and its size within the limit. Everything else (SSE, downloads) streams with its back-pressure.
 */
export function guardResponse(
  response: ServerResponse,
  transaction: Transaction,
  block: (interruption: Interruption) => void,
  finish: () => void,
): void {
  const original = {
    writeHead: response.writeHead.bind(response) as (...args: unknown[]) => ServerResponse,
    write: response.write.bind(response) as Write,
    end: response.end.bind(response) as (...args: unknown[]) => ServerResponse,
    flushHeaders: response.flushHeaders.bind(response),
  };
  let phase: 'head' | 'held' | 'open' | 'blocked' = 'head';
  let head: unknown[] | undefined;
  const held: Uint8Array[] = [];

  const restore = (): void => {
    Object.assign(response, {
      writeHead: original.writeHead,
      write: original.write,
      end: original.end,
      flushHeaders: original.flushHeaders,
    });
  };
  const stop = (interruption: Interruption): void => {
    phase = 'blocked';
    held.length = 0;
    restore();
    block(interruption);
    ignoreFurtherWrites(response);
  };
  const decideHead = (): void => {
    if (phase !== 'head') return;
    if (head) applyHead(response, head);
    const headers = Object.entries(response.getHeaders()).flatMap(([name, value]) =>
      [value].flat().map((item) => [name, String(item)] as const),
    );
    const interruption = transaction.responseHeaders({ status: response.statusCode, protocol: 'HTTP/1.1', headers });
    if (interruption) stop(interruption);
    else if (transaction.wantsResponseBody) phase = 'held';
    else open();
  };
  const open = (): void => {
    phase = 'open';
    restore();
    const edits = transaction.responseEdits;
    if (edits) for (const name of fieldsAboutBytes) response.removeHeader(name);
    if (head) original.writeHead(response.statusCode);
    const body = held.splice(0);
    for (const chunk of edits ? [edits.before, ...(edits.body ? [edits.body] : body)] : body)
      if (chunk.byteLength > 0) original.write(chunk);
    if (edits && edits.after.length > 0) writeAtEnd(response, edits.after);
  };
  const hold = (chunk: unknown, encoding: BufferEncoding | undefined): void => {
    // A copy: the application may reuse its buffer as soon as its callback has run.
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk, encoding) : Uint8Array.from(chunk as Uint8Array);
    held.push(bytes);
    const interruption = transaction.responseBodyChunk(bytes);
    if (interruption) {
      stop(interruption);
      return;
    }
    heldBytes += bytes.byteLength;
    // Over the limit: what was seen decides, the rest streams.
    if (heldBytes > transaction.state.responseBodyLimit) judge(open);
  };
  let heldBytes = 0;
  const judge = (pass: () => void): void => {
    const interruption = transaction.responseBody();
    if (interruption) stop(interruption);
    else pass();
  };

  response.writeHead = ((...args: unknown[]) => {
    head = args;
    decideHead();
    return response;
  }) as typeof response.writeHead;
  response.flushHeaders = () => {
    decideHead();
    if (phase === 'open') original.flushHeaders();
  };
  response.write = ((chunk: unknown, encoding?: unknown, callback?: unknown) => {
    decideHead();
    const done = typeof encoding === 'function' ? encoding : callback;
    const name = typeof encoding === 'string' ? (encoding as BufferEncoding) : undefined;
    if (phase === 'open') return original.write(chunk, encoding, callback);
    if (phase === 'held') hold(chunk, name);
    if (typeof done === 'function') queueMicrotask(() => done());
    return true;
  }) as typeof response.write;
  response.end = ((chunk?: unknown, encoding?: unknown, callback?: unknown) => {
    const body = typeof chunk === 'function' ? undefined : chunk;
    const done = [chunk, encoding, callback].find((arg) => typeof arg === 'function');
    const name = typeof encoding === 'string' ? (encoding as BufferEncoding) : undefined;
    decideHead();
    if (phase === 'held' && body !== undefined && body !== null) hold(body, name);
    else if (phase === 'open' && body !== undefined && body !== null) {
      finish();
      return response.end(body, name!, done as () => void);
    }
    if (phase === 'held') {
      judge(() => {
        open();
        response.end(done as () => void);
      });
    } else if (phase === 'open') response.end(done as () => void);
    return response;
  }) as typeof response.end;
}

/** Bytes behind all that the application writes. */
function writeAtEnd(response: ServerResponse, bytes: Buffer): void {
  const { end } = response;
  response.end = ((chunk?: unknown, encoding?: unknown, callback?: unknown) => {
    response.end = end;
    if (chunk !== undefined && chunk !== null && typeof chunk !== 'function') {
      response.write(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8');
    }
    return response.end(bytes, [chunk, encoding, callback].find((arg) => typeof arg === 'function') as (() => void) | undefined);
  }) as typeof response.end;
}

/** The application does not know that another answer was given: what it still writes goes nowhere instead of failing. */
function ignoreFurtherWrites(response: ServerResponse): void {
  const call = (...args: unknown[]): void => {
    const done = args.find((arg) => typeof arg === 'function') as (() => void) | undefined;
    if (done) queueMicrotask(done);
  };
  const self = () => response;
  Object.assign(response, {
    write: (...args: unknown[]) => {
      call(...args);
      return true;
    },
    end: (...args: unknown[]) => {
      call(...args);
      return response;
    },
    writeHead: self,
    setHeader: self,
    appendHeader: self,
    removeHeader: () => {},
    flushHeaders: () => {},
    addTrailers: () => {},
  });
}

/** The arguments of writeHead as status and headers on the response. */
function applyHead(response: ServerResponse, args: unknown[]): void {
  const [status, second, third] = args;
  response.statusCode = Number(status);
  const headers = typeof second === 'string' ? third : second;
  if (typeof second === 'string') response.statusMessage = second;
  if (Array.isArray(headers)) {
    const flat = headers.flat() as string[];
    for (let i = 0; i + 1 < flat.length; i += 2) response.appendHeader(flat[i]!, String(flat[i + 1]));
  } else if (headers && typeof headers === 'object') {
    for (const [name, value] of Object.entries(headers)) if (value !== undefined) response.setHeader(name, value as string);
  }
}
