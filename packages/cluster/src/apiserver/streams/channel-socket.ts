import type { Status } from '@palisade/kubernetes';
import type { WebSocket } from 'ws';
import { type ExecTransport, parseSize } from './exec-transport.ts';

/** First byte of each binary message. */
const Channel = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const;

/** The remote-command protocols over WebSocket, best first. Only v5 can end standard input. */
export const CHANNEL_PROTOCOLS = ['v5.channel.k8s.io', 'v4.channel.k8s.io'] as const;

/** exec and attach over a WebSocket of sub-protocol v5.channel.k8s.io or v4.channel.k8s.io. */
export function channelTransport(socket: WebSocket): ExecTransport {
  // A client sends before the process has started: input waits for its taker, of sizes the last one counts.
  const stdin = Promise.withResolvers<(chunk: Buffer | undefined) => Promise<void> | void>();
  let takeSize: ((columns: number, rows: number) => void) | undefined;
  let size: ReturnType<typeof parseSize>;
  // Input is given on in order, one message at a time, and the socket is read no faster than that.
  let feeding: Promise<void> = Promise.resolve();
  let waiting = 0;
  socket.binaryType = 'nodebuffer';
  socket.on('message', (data) => {
    const message = data as Buffer;
    const payload = message.subarray(1);
    switch (message[0]) {
      case Channel.stdin:
        if (payload.length > 0) enqueue(payload);
        return;
      case Channel.resize: {
        size = parseSize(payload.toString()) ?? size;
        if (size !== undefined) takeSize?.(size.columns, size.rows);
        return;
      }
      case Channel.close:
        if (payload[0] === Channel.stdin) enqueue(undefined);
        return;
    }
  });
  socket.on('error', () => socket.terminate());

  function enqueue(chunk: Buffer | undefined): void {
    if (++waiting > 8) socket.pause();
    feeding = feeding.then(async () => {
      await (await stdin.promise)(chunk);
      if (--waiting <= 4 && socket.isPaused) socket.resume();
    });
  }

  const send = (channel: number, payload: Buffer) =>
    new Promise<void>((resolve, reject) => {
      const frame = Buffer.allocUnsafe(payload.length + 1);
      frame[0] = channel;
      payload.copy(frame, 1);
      socket.send(frame, { binary: true }, (error) => (error ? reject(error) : resolve()));
    });

  return {
    onStdin: (take) => stdin.resolve(take),
    onResize: (take) => {
      takeSize = take;
      if (size !== undefined) take(size.columns, size.rows);
    },
    onClose: (act) => socket.on('close', act),
    write: (channel, chunk) => send(Channel[channel], chunk),
    async finish(status: Status) {
      await send(Channel.error, Buffer.from(JSON.stringify(status)));
      socket.close(1000);
    },
  };
}
