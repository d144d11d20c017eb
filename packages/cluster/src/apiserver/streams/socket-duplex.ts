import { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';

/** The binary messages of a WebSocket as one byte stream. */
export function socketDuplex(socket: WebSocket): Duplex {
  socket.binaryType = 'nodebuffer';
  const duplex = new Duplex({
    read: () => {
      if (socket.isPaused) socket.resume();
    },
    write: (chunk: Buffer, _encoding, callback) => socket.send(chunk, { binary: true }, (error) => callback(error ?? null)),
    final: (callback) => {
      socket.close(1000);
      callback();
    },
    destroy: (error, callback) => {
      socket.terminate();
      callback(error);
    },
  });
  socket.on('message', (data) => {
    if (!duplex.push(data as Buffer)) socket.pause();
  });
  socket.on('close', () => duplex.push(null));
  socket.on('error', () => duplex.destroy());
  return duplex;
}
