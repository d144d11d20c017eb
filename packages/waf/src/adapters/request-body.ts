import type { IncomingMessage } from 'node:http';
import type { Interruption } from '../engine/transaction/state.ts';
import type { Transaction } from '../engine/transaction/transaction.ts';

/** Put another body in place of the one that was put back; nobody has begun to read it. */
export function replaceRequestBody(request: IncomingMessage, body: Buffer): void {
  // What is taken out and put back in one turn is no end to the stream.
  while (request.read() !== null);
  if (body.length > 0) request.unshift(body);
  if (request.headers['content-length'] === undefined) return;
  request.headers['content-length'] = String(body.length);
  for (let i = 0; i + 1 < request.rawHeaders.length; i += 2)
    if (request.rawHeaders[i]!.toLowerCase() === 'content-length') request.rawHeaders[i + 1] = String(body.length);
}

export type BodyOutcome =
  | { readonly kind: 'complete' }
  | { readonly kind: 'interrupted'; readonly interruption: Interruption }
  | { readonly kind: 'aborted' };

/**
 * Read the body for inspection and put it back: `done` runs in the same turn as the last read, before the stream can
 * announce its end, so everything that was read can still be unshifted. A body over the limit (ProcessPartial) is
 * handed on as far as read; the rest streams to the application unseen.
 */
export function readRequestBody(request: IncomingMessage, transaction: Transaction, done: (outcome: BodyOutcome) => void): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const finish = (outcome: BodyOutcome): void => {
    request.off('readable', onReadable);
    request.off('error', onAborted);
    request.off('close', onAborted);
    done(outcome);
  };
  const onAborted = (): void => finish({ kind: 'aborted' });
  const putBack = (): void => {
    if (chunks.length > 0) request.unshift(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, bytes));
    chunks.length = 0;
  };
  const onReadable = (): void => {
    for (let chunk = request.read() as Buffer | null; chunk !== null; chunk = request.read() as Buffer | null) {
      chunks.push(chunk);
      bytes += chunk.length;
      const interruption = transaction.requestBodyChunk(chunk);
      if (interruption) {
        finish({ kind: 'interrupted', interruption });
        return;
      }
      if (bytes > transaction.state.requestBodyLimit) {
        putBack();
        finish({ kind: 'complete' });
        return;
      }
    }
    if (!request.complete) return;
    putBack();
    finish({ kind: 'complete' });
  };
  request.on('readable', onReadable);
  request.once('error', onAborted);
  request.once('close', onAborted);
}
