import type { TLSSocket } from 'node:tls';

const nothing = () => {};

/**
 * For every connection of an HTTPS server. Node hands a connection's bytes straight from the TLS layer to the HTTP parser, and pauses that
 * parser when a request comes while the answer before it is still going out. The TLS layer then goes on with the records it holds, which a
 * paused parser takes for an error: the connection is cut. Whoever listens for the bytes makes them a stream, and that waits.
 */
export function readAsStream(socket: TLSSocket): void {
  socket.on('data', nothing);
}

/** Before somebody else reads the connection: an upgrade. */
export function stopReading(socket: { off(event: 'data', listener: () => void): unknown }): void {
  socket.off('data', nothing);
}
