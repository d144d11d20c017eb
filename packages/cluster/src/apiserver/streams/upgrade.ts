import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { HttpContext } from '../http/context.ts';

export function routeUpgrade(_context: HttpContext, _req: IncomingMessage, socket: Duplex, _head: Buffer): void {
  socket.destroy();
}
