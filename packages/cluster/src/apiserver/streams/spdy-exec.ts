import type { Duplex } from 'node:stream';
import { type ExecTransport, parseSize } from './exec-transport.ts';
import { type SpdyStream, serveSpdy } from './spdy/connection.ts';

/** Exec over plain SPDY/3.1: what kubectl up to 1.30 speaks. v2 and v3 cannot tell an exit code in a Status and are not taken. */
export const SPDY_EXEC_PROTOCOLS = ['v5.channel.k8s.io', 'v4.channel.k8s.io'] as const;

/** A client opens its streams at once; one that does not is not waited for. */
const STREAMS_WITHIN_MS = 30_000;

/** Waits for the streams the request announced and makes a transport of them. Rejects when they do not come. */
export function spdyTransport(wire: Duplex, wanted: readonly string[]): Promise<ExecTransport> {
  const streams = new Map<string, SpdyStream>();
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      wire.destroy();
      reject(new Error(`the client opened ${streams.size} of ${wanted.length} streams in time`));
    }, STREAMS_WITHIN_MS);
    wire.on('close', () => {
      clearTimeout(timer);
      reject(new Error('the client went away'));
    });
    serveSpdy(wire, (stream) => {
      streams.set(stream.headers.get('streamtype') ?? '', stream);
      if (!wanted.every((name) => streams.has(name))) return;
      clearTimeout(timer);
      resolve(transportOf(wire, streams));
    });
  });
}

function transportOf(wire: Duplex, streams: ReadonlyMap<string, SpdyStream>): ExecTransport {
  const send = (name: string, chunk: Buffer) =>
    new Promise<void>((resolve, reject) => {
      const stream = streams.get(name);
      if (stream === undefined) return resolve();
      stream.write(chunk, (error) => (error ? reject(error) : resolve()));
    });
  const end = (name: string) =>
    new Promise<void>((resolve) => {
      const stream = streams.get(name);
      if (stream === undefined || stream.destroyed) return resolve();
      stream.end(resolve);
    });
  return {
    onStdin(take) {
      const stdin = streams.get('stdin');
      if (stdin === undefined) return;
      void (async () => {
        try {
          for await (const chunk of stdin as AsyncIterable<Buffer>) await take(chunk);
        } catch {
          // Reset by the client: for the process that is the end of its input.
        }
        await take(undefined);
      })();
    },
    onResize(take) {
      streams.get('resize')?.on('data', (chunk: Buffer) => {
        const size = parseSize(chunk.toString());
        if (size !== undefined) take(size.columns, size.rows);
      });
    },
    onClose: (act) => wire.on('close', act),
    write: (channel, chunk) => send(channel, chunk),
    async finish(status) {
      await send('error', Buffer.from(JSON.stringify(status)));
      await Promise.all(['stdout', 'stderr', 'error'].map(end));
      // The client closes once it has read to the end; one that does not is closed after a while.
      setTimeout(() => wire.destroy(), 2000).unref();
    },
  };
}
