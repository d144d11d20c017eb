/** Looks at a connection's first bytes when a filter chain asks for what is in them, and puts them back. */
import type { Socket } from 'node:net';
import { type Sniffed, sniffClientHello, sniffHttp } from './client-hello.ts';
import type { CompiledListener } from './listener.ts';

const plain: Sniffed = { transport: 'raw_buffer', serverName: '', protocols: [] };

/** @param decided not called when the client goes away or stays silent too long */
export function inspect(socket: Socket, listener: CompiledListener, decided: (sniffed: Sniffed) => void): void {
  // Behind TLS rules may ask for the name in the hello, even where no chain is chosen by it. Its clients always speak first.
  const needed = listener.chains.some((chain) => chain.matcher.needsInspection || (chain.tls !== undefined && listener.inspectsTls));
  if (!needed || (!listener.inspectsTls && !listener.inspectsHttp)) {
    decided(plain);
    return;
  }
  let seen: Buffer = Buffer.alloc(0);
  const finish = (sniffed: Sniffed) => {
    clearTimeout(timer);
    socket.off('data', onData);
    socket.off('end', onEnd);
    socket.pause();
    if (seen.length > 0) socket.unshift(seen);
    decided(sniffed);
  };
  const onEnd = () => {
    clearTimeout(timer);
    socket.destroy();
  };
  const onData = (chunk: Buffer) => {
    seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
    const tls = listener.inspectsTls ? sniffClientHello(seen) : plain;
    if (tls === undefined) return;
    if (tls.transport === 'tls' || !listener.inspectsHttp) {
      finish(tls);
      return;
    }
    const protocols = sniffHttp(seen);
    if (protocols !== undefined) finish({ ...plain, protocols });
  };
  const timer = setTimeout(
    () => {
      if (listener.continuesOnTimeout) finish(plain);
      else socket.destroy();
    },
    listener.inspectionMs || 2 ** 31 - 1,
  );
  socket.once('close', () => clearTimeout(timer));
  socket.on('data', onData);
  socket.once('end', onEnd);
}
