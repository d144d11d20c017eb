/**
 * Who is behind the addresses that call this pod: asked of the control plane, once for each address (incremental xDS, `xds/src/peer.ts`),
 * and kept current by it. While the control plane is away what is known stays.
 */
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { TypeUrl } from '@palisade/xds';
import { DeltaDiscoveryRequestSchema, DeltaDiscoveryResponseSchema } from '@palisade/xds/api/envoy/service/discovery/v3/discovery';
import type { ClientCall, ClientEvents } from '@palisade/xds/grpc';
import { type Peer, peerName, readPeer } from '@palisade/xds/peer';

export interface PeerDirectory {
  /** undefined: nobody that the control plane knows, or not known yet. */
  find(address: string): Peer | undefined;
  /** Asks about those never asked about. @returns when all are answered for, or patience has ended; undefined when nothing is to be waited for */
  learn(addresses: readonly string[]): Promise<void> | undefined;
}

export interface PeerEdges {
  readonly nodeId: string;
  /** A stream of `DeltaAggregatedResources`. @throws what keeps it from being opened */
  open(events: ClientEvents): ClientCall;
  later(action: () => void, ms: number): void;
}

interface Entry {
  peer: Peer | undefined;
  /** Answered for, or waited for in vain. */
  isSettled: boolean;
  readonly settled: PromiseWithResolvers<void>;
}

/** Addresses kept; the one asked about first gives way. */
const maxAddresses = 2000;
const patienceMs = 1000;
const retryMs = 5000;

export function createPeerDirectory({ nodeId, open, later }: PeerEdges): PeerDirectory {
  const entries = new Map<string, Entry>();
  let call: ClientCall | undefined;
  let isWaiting = false;
  const send = (request: MessageInitShape<typeof DeltaDiscoveryRequestSchema>) =>
    call?.send(
      toBinary(DeltaDiscoveryRequestSchema, create(DeltaDiscoveryRequestSchema, { typeUrl: TypeUrl.clusterLoadAssignment, ...request })),
    );
  const lost = () => {
    call = undefined;
    if (isWaiting) return;
    isWaiting = true;
    later(() => {
      isWaiting = false;
      connect();
    }, retryMs);
  };
  const connect = () => {
    try {
      call = open({ message: take, closed: lost });
      send({ node: { id: nodeId }, resourceNamesSubscribe: [...entries.keys()] });
    } catch {
      lost();
    }
  };
  const settle = (entry: Entry) => {
    entry.isSettled = true;
    entry.settled.resolve();
  };
  const answer = (name: string, peer: Peer | undefined) => {
    const entry = entries.get(name);
    if (entry === undefined) return;
    entry.peer = peer;
    settle(entry);
  };
  const take = (message: Uint8Array) => {
    const { resources, removedResources, nonce } = fromBinary(DeltaDiscoveryResponseSchema, message);
    for (const { name, resource } of resources) answer(name, resource && readPeer(resource.value));
    for (const name of removedResources) answer(name, undefined);
    send({ responseNonce: nonce });
  };
  const add = (names: readonly string[]) => {
    const added = names.map((): Entry => ({ peer: undefined, isSettled: false, settled: Promise.withResolvers() }));
    for (const [index, entry] of added.entries()) entries.set(names[index]!, entry);
    later(() => added.forEach(settle), patienceMs);
    const dropped = [...entries.keys()].slice(0, Math.max(0, entries.size - maxAddresses));
    for (const name of dropped) entries.delete(name);
    if (call !== undefined) send({ resourceNamesSubscribe: [...names], resourceNamesUnsubscribe: dropped });
    else if (!isWaiting) connect();
  };
  return {
    find: (address) => entries.get(peerName(address))?.peer,
    learn(addresses) {
      const names = [...new Set(addresses.map(peerName))];
      const fresh = names.filter((name) => !entries.has(name));
      if (fresh.length > 0) add(fresh);
      const waits = names.flatMap((name) => (entries.get(name)?.isSettled === false ? [entries.get(name)!.settled.promise] : []));
      return waits.length === 0 ? undefined : Promise.all(waits).then(() => {});
    },
  };
}
