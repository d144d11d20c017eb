/** `envoy.config.listener.v3.Listener`, compiled, and the way of a connection through it. */
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { type Listener as ListenerConfig, ListenerSchema } from '@palisade/xds/api/envoy/config/listener/v3/listener';
import { readAddress } from '../cluster/endpoints.ts';
import { milliseconds } from '../config/duration.ts';
import { refuseUnread, unpack } from '../config/registry.ts';
import type { ConnectionFacts } from '../facts.ts';
import { DownstreamConnection } from '../http/downstream.ts';
import { type AccessLogger, compileAccessLogs } from '../log/access-log.ts';
import { ConnectionLog } from '../log/connection-log.ts';
import { Address } from '../net/address.ts';
import { buffering } from '../net/gather.ts';
import { originalDestination } from '../net/original-destination.ts';
import { unsupported } from '../proxy-error.ts';
import type { Runtime } from '../runtime.ts';
import { readPeer } from '../tls/peer.ts';
import { type Chain, compileChain } from './filter-chain.ts';
import { inspect } from './inspect.ts';
import { type ChainFacts, chooseChain } from './match-chain.ts';

export interface CompiledListener {
  readonly name: string;
  readonly config: ListenerConfig;
  readonly addresses: readonly { readonly address: string; readonly port: number }[];
  readonly bindsToPort: boolean;
  /** Hands redirected connections to the listener of their destination, if there is one. */
  readonly usesOriginalDst: boolean;
  readonly chains: readonly Chain[];
  readonly fallback: Chain | undefined;
  readonly inspectsTls: boolean;
  readonly inspectsHttp: boolean;
  readonly restoresDestination: boolean;
  readonly inspectionMs: number;
  readonly continuesOnTimeout: boolean;
  /** Told of connections that no chain served. */
  readonly loggers: readonly AccessLogger[];
}

const read = [
  'name',
  'address',
  'additional_addresses',
  'stat_prefix',
  'filter_chains',
  'default_filter_chain',
  'use_original_dst',
  'listener_filters',
  'listener_filters_timeout',
  'continue_on_listener_filters_timeout',
  'bind_to_port',
  'traffic_direction',
  'per_connection_buffer_limit_bytes',
  'metadata',
  'transparent',
  'connection_balance_config',
  'enable_reuse_port',
  'reuse_port',
  'drain_type',
  'tcp_backlog_size',
  'max_connections_to_accept_per_socket_event',
  'deprecated_v1',
  'ignore_global_conn_limit',
  'bypass_overload_manager',
  'access_log',
];
const inspectionMs = 15_000;

export function compileListener(config: ListenerConfig, runtime: Runtime): CompiledListener {
  const where = `listener "${config.name}"`;
  refuseUnread(ListenerSchema, config, read, where);
  if (config.transparent) throw unsupported(where, 'transparent');
  const filters = config.listenerFilters.map(
    (filter) => unpack(filter.configType.value as never, `${where}, listener filter "${filter.name}"`).$typeName,
  );
  const has = (name: string) => filters.includes(`envoy.extensions.filters.listener.${name}`);
  return {
    name: config.name,
    config,
    addresses: [readAddress(config.address, where), ...config.additionalAddresses.map((extra) => readAddress(extra.address, where))],
    bindsToPort: config.bindToPort !== false && config.deprecatedV1?.bindToPort !== false,
    usesOriginalDst: config.useOriginalDst === true,
    chains: config.filterChains.map((chain) => compileChain(chain, runtime, where)),
    fallback: config.defaultFilterChain && compileChain(config.defaultFilterChain, runtime, where),
    inspectsTls: has('tls_inspector.v3.TlsInspector'),
    inspectsHttp: has('http_inspector.v3.HttpInspector'),
    restoresDestination: config.useOriginalDst === true || has('original_dst.v3.OriginalDst'),
    inspectionMs: milliseconds(config.listenerFiltersTimeout, inspectionMs),
    continuesOnTimeout: config.continueOnListenerFiltersTimeout,
    loggers: compileAccessLogs(config.accessLog, runtime.logs, where),
  };
}

/** A connection that is being served. */
export interface OpenConnection {
  /** The listener changed under it. */
  recheck(): void;
}

export interface ListenerPlace {
  readonly open: Set<OpenConnection>;
  /** The listener as configured now; undefined: removed. */
  current(): CompiledListener | undefined;
  /** The listener that stands for a destination, for those that hand over. */
  handOver(address: string, port: number): ListenerPlace | undefined;
}

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

function selectChain(listener: CompiledListener, facts: ChainFacts): Chain | undefined {
  const index = chooseChain(
    listener.chains.map((chain) => chain.matcher),
    facts,
  );
  return listener.chains[index] ?? listener.fallback;
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

/** What the configuration of the moment says of a connection that began under an older one. */
interface Standing {
  /** undefined: nothing serves it any more. */
  readonly chain: Chain | undefined;
  /** Its transport is no longer what it was: what is under way is finished, nothing new begins. */
  readonly isLast: boolean;
  /** Policies would refuse it now. */
  readonly denial: string | undefined;
}

function followStanding(began: Chain, facts: ChainFacts, connection: ConnectionFacts, place: ListenerPlace): () => Standing {
  let seen = place.current();
  let standing: Standing = { chain: began, isLast: false, denial: undefined };
  return () => {
    const listener = place.current();
    if (listener === seen) return standing;
    seen = listener;
    const chain = listener && selectChain(listener, facts);
    const isLast = chain?.transportKey !== began.transportKey;
    const isPlainNow = chain?.tls !== undefined && began.tls === undefined;
    standing = { chain, isLast, denial: isPlainNow ? 'tls_required' : chain?.judge(connection) };
    return standing;
  };
}

/** As long as Envoy drains connections whose filter chain went (`--drain-time-s`, as Istio starts it). */
const drainMs = 5000;

/** Bytes have no next request to be judged: a denial ends them at once, a chain that went or changed its transport after a while. */
function watchTcp(end: (why: string) => void, standing: () => Standing): OpenConnection {
  return {
    recheck() {
      const { chain, isLast, denial } = standing();
      if (denial !== undefined) end(denial);
      else if (isLast || chain?.terminal.kind !== 'tcp') setTimeout(() => end('filter_chain_gone'), drainMs).unref();
    },
  };
}
