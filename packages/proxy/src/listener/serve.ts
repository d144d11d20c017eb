/** The way of an accepted connection: where it was going, its first bytes, its filter chain, TLS, who serves it. */
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { ConnectionFacts } from '../facts.ts';
import { DownstreamConnection } from '../http/downstream.ts';
import { ConnectionLog } from '../log/connection-log.ts';
import { Address } from '../net/address.ts';
import { originalDestination } from '../net/original-destination.ts';
import { buffering } from '../net/outlet.ts';
import type { Runtime } from '../runtime.ts';
import { readPeer } from '../tls/peer.ts';
import type { Chain } from './filter-chain.ts';
import { inspect } from './inspect.ts';
import { type ListenerPlace, selectChain } from './listener.ts';
import type { ChainFacts } from './match-chain.ts';
import { followStanding, watchTcp } from './standing.ts';

/** A connection that was accepted. It is destroyed unless something in the configuration serves it. */
export function serveConnection(socket: Socket, place: ListenerPlace, runtime: Runtime): void {
  socket.on('error', () => socket.destroy());
  const first = place.current();
  if (first === undefined || socket.remoteAddress === undefined) {
    socket.destroy();
    return;
  }
  const restored = first.restoresDestination ? originalDestination(socket) : undefined;
  const address = new Address(restored?.address ?? socket.localAddress ?? '');
  const port = restored?.port ?? socket.localPort ?? 0;
  const target = (first.usesOriginalDst ? place.handOver(address.text, port) : undefined) ?? place;
  const listener = target.current();
  if (listener === undefined) {
    socket.destroy();
    return;
  }
  inspect(socket, listener, (sniffed) => {
    const facts: ChainFacts = {
      source: new Address(socket.remoteAddress ?? ''),
      sourcePort: socket.remotePort ?? 0,
      destination: address,
      destinationPort: port,
      ...sniffed,
    };
    const chain = selectChain(listener, facts);
    if (chain === undefined) {
      new ConnectionLog(connectionFacts(facts, undefined), runtime).end(listener.loggers, 'NR');
      socket.destroy();
    } else if (chain.tls === undefined) serveChain(socket, chain, facts, undefined, target, runtime);
    else secure(socket, chain, facts, target, runtime);
  });
}

function secure(socket: Socket, chain: Chain, facts: ChainFacts, place: ListenerPlace, runtime: Runtime): void {
  const tls = chain.tls!;
  const material = tls.setup.material();
  if (material?.keyPair === undefined) {
    runtime.stats.counter('listener.ssl_secret_missing').value++;
    socket.destroy();
    return;
  }
  const asksForCertificate = tls.requiresClientCertificate || material.verifiesChain;
  const secured = new TLSSocket(socket, {
    isServer: true,
    ...buffering,
    secureContext: material.context,
    requestCert: asksForCertificate,
    rejectUnauthorized: false,
    ...(tls.setup.alpn.length > 0 ? { ALPNCallback: ({ protocols }) => tls.setup.alpn.find((one) => protocols.includes(one)) } : {}),
  });
  const log = new ConnectionLog(connectionFacts(facts, undefined), runtime);
  const fail = (error?: Error) => {
    runtime.stats.counter('listener.ssl_fail_verify').value++;
    log.transportFailure = (error as NodeJS.ErrnoException | undefined)?.code ?? error?.message ?? 'no trusted certificate was shown';
    log.end(place.current()?.loggers ?? [], '');
    secured.destroy();
  };
  const timer = setTimeout(() => fail(new Error('timeout')), chain.handshakeMs);
  // A handshake that fails destroys the inner socket and may never close the outer one.
  const clear = () => clearTimeout(timer);
  socket.once('close', clear);
  secured.once('close', clear);
  secured.on('error', () => {
    clear();
    socket.destroy();
  });
  // Node's own server listens to the same event: a handshake that fails says so here and nowhere else.
  secured.once('_tlsError', fail);
  // Half-closed in the middle of a handshake: with half-closes allowed, nobody else ends it.
  secured.once('end', fail);
  secured.once('secure', () => {
    clear();
    secured.off('end', fail);
    // From here on TLS errors are the socket's errors.
    (secured as unknown as { _releaseControl?(): boolean })._releaseControl?.();
    const certificate = secured.getPeerX509Certificate();
    if (certificate === undefined) {
      if (tls.requiresClientCertificate) fail();
      else serveChain(secured, chain, facts, { peer: undefined, localUriSans: material.keyPair!.uriSans }, place, runtime);
      return;
    }
    // `verifyError` is set when the chain does not lead to an anchor or is out of date.
    const handle = secured as unknown as { _handle?: { verifyError?(): Error | null }; ssl?: { verifyError?(): Error | null } };
    const error = (handle.ssl ?? handle._handle)?.verifyError?.();
    if (material.verifiesChain && (error !== null || !material.admits(certificate))) fail();
    else {
      const peer = material.verifiesChain ? readPeer(certificate) : undefined;
      serveChain(secured, chain, facts, { peer, localUriSans: material.keyPair!.uriSans }, place, runtime);
    }
  });
}

type Secured = Pick<ConnectionFacts, 'peer' | 'localUriSans'>;

function connectionFacts(facts: ChainFacts, secured: Secured | undefined): ConnectionFacts {
  return {
    source: facts.source,
    sourcePort: facts.sourcePort,
    destination: facts.destination,
    destinationPort: facts.destinationPort,
    isTls: secured !== undefined,
    serverName: facts.serverName,
    applicationProtocol: facts.protocols[0] ?? '',
    peer: secured?.peer,
    localUriSans: secured?.localUriSans ?? [],
  };
}

function serveChain(
  socket: Socket,
  chain: Chain,
  facts: ChainFacts,
  secured: Secured | undefined,
  place: ListenerPlace,
  runtime: Runtime,
): void {
  const connection = connectionFacts(facts, secured);
  const denial = chain.judge(connection);
  if (denial !== undefined) {
    const log = new ConnectionLog(connection, runtime);
    log.termination = denial;
    log.end(chain.terminal.loggers, '');
    socket.destroy();
    return;
  }
  socket.setNoDelay(true);
  const standing = followStanding(chain, facts, connection, place);
  const { terminal } = chain;
  const open =
    terminal.kind === 'tcp'
      ? watchTcp(terminal.serve(socket, connection), standing)
      : new DownstreamConnection(socket, connection, terminal.manager, () => {
          const { chain: now, isLast, denial } = standing();
          return denial === undefined && now?.terminal.kind === 'http' ? { manager: now.terminal.manager, isLast } : undefined;
        });
  place.open.add(open);
  socket.once('close', () => place.open.delete(open));
}
