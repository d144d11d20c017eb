/** How bytes leave: how many may wait for a slow reader, and pieces of one message together. */
import type { Socket } from 'node:net';

/**
 * More than one read holds (64 KiB) twice over: with Node's 16 KiB every larger piece would stop the other side and start it again,
 * although the kernel had taken it at once.
 */
export const buffering = { highWaterMark: 128 * 1024 };

let waiting: Socket[] = [];

function flush(): void {
  const sockets = waiting;
  waiting = [];
  for (const socket of sockets) socket.uncork();
}

/**
 * What is written from now on leaves in one system call, at the latest when the events of the moment are dealt with. TLS hands over a
 * message of 16 KiB in two pieces: two calls otherwise.
 */
export function gather(socket: Socket): void {
  if (socket.writableCorked > 0) return;
  socket.cork();
  if (waiting.push(socket) === 1) setImmediate(flush);
}

/** The message is whole: nothing is waited for any longer. */
export function release(socket: Socket): void {
  if (socket.writableCorked > 0) socket.uncork();
}
