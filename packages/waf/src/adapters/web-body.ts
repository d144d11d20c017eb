import type { ResponseEdits } from '../engine/transaction/rewrites.ts';
import type { Interruption } from '../engine/transaction/state.ts';

export type ReadAhead =
  | { readonly kind: 'interrupted'; readonly interruption: Interruption }
  | {
      readonly kind: 'read';
      /** The whole body again: what was read, then the rest as the consumer asks for it. */
      replay(): ReadableStream<Uint8Array>;
      /** Nobody wants the rest. */
      cancel(): Promise<void>;
    };

/**
 * Read a body until its end or beyond `limit` bytes, showing every chunk to `inspect`.
 *
 * @param inspect an interruption ends the reading and cancels the body
 */
export async function readAhead(
  body: ReadableStream<Uint8Array>,
  limit: number,
  inspect: (chunk: Uint8Array) => Interruption | undefined,
): Promise<ReadAhead> {
  const reader = body.getReader();
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  let isEnded = false;
  while (!isEnded && bytes <= limit) {
    const { done, value } = await reader.read();
    if (done) {
      isEnded = true;
      continue;
    }
    chunks.push(value);
    bytes += value.byteLength;
    const interruption = inspect(value);
    if (!interruption) continue;
    await reader.cancel();
    return { kind: 'interrupted', interruption };
  }
  return {
    kind: 'read',
    replay: () =>
      new ReadableStream<Uint8Array>(
        {
          async pull(controller) {
            const chunk = chunks.shift();
            if (chunk) {
              controller.enqueue(chunk);
              return;
            }
            const next = isEnded ? { done: true as const } : await reader.read();
            if (next.done) controller.close();
            else controller.enqueue(next.value!);
          },
          cancel: (reason) => reader.cancel(reason),
        },
        { highWaterMark: 0 },
      ),
    cancel: () => reader.cancel(),
  };
}

/** A body with the bytes before and behind it, or others instead of it. */
export function between(
  { before, body: instead, after }: ResponseEdits,
  body: ReadableStream<Uint8Array> | null,
): ReadableStream<Uint8Array> {
  const middle = instead === undefined ? body : null;
  const reader = middle?.getReader();
  const head = [before, ...(instead === undefined ? [] : [instead])].filter(({ length }) => length > 0);
  return new ReadableStream<Uint8Array>(
    {
      async start() {
        if (middle === null) await body?.cancel();
      },
      async pull(controller) {
        const first = head.shift();
        if (first) {
          controller.enqueue(first);
          return;
        }
        const next = (await reader?.read()) ?? { done: true as const };
        if (!next.done) {
          controller.enqueue(next.value!);
          return;
        }
        if (after.length > 0) controller.enqueue(after);
        controller.close();
      },
      cancel: (reason) => reader?.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}
