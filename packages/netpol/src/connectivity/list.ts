import { type AddressRange, formatRange, mergeRanges } from '../address.ts';
import type { PodFact } from '../model.ts';
import { type ConnectionSet, formatConnections, isNoConnection, unionConnections } from './connections.ts';
import type { Connectivity } from './connectivity.ts';
import type { ConnectivityPeer } from './peer.ts';

/** One line of "who can reach whom". */
export interface ConnectivityRow {
  /** `default/db[Deployment]`, or a range of outside addresses. */
  readonly source: string;
  readonly destination: string;
  readonly connections: ConnectionSet;
  /** The outside addresses, when one end is outside. */
  readonly outside?: { readonly end: 'source' | 'destination'; readonly range: AddressRange };
}

/** `default/db[Deployment]`. */
export function workloadName({ namespace, name, workload }: PodFact): string {
  const slash = workload?.indexOf('/') ?? -1;
  return workload === undefined || slash < 0
    ? `${namespace}/${name}[Pod]`
    : `${namespace}/${workload.slice(slash + 1)}[${workload.slice(0, slash)}]`;
}

function workloadsOf(peer: ConnectivityPeer): string[] {
  return peer.kind === 'pods' ? [...new Set(peer.pods.map((pod) => workloadName(pod.fact)))] : [];
}

/**
 * Connectivity between workloads and outside ranges, sorted; pairs without any connection are left out, and so are a
 * workload's connections to itself. Pods of one workload that differ are summed up: a row means that one of them can.
 */
export function listConnectivity(connectivity: Connectivity): ConnectivityRow[] {
  const { peers } = connectivity;
  const names = peers.map(workloadsOf);
  const inside = new Map<string, ConnectivityRow>();
  /** (direction, workload, connections) → ranges */
  const outside = new Map<string, { workload: string; isSource: boolean; connections: ConnectionSet; ranges: AddressRange[] }>();

  const addInside = (source: string, destination: string, connections: ConnectionSet) => {
    if (source === destination) return;
    const key = `${source}\0${destination}`;
    const known = inside.get(key);
    inside.set(key, { source, destination, connections: known ? unionConnections(known.connections, connections) : connections });
  };
  const addOutside = (workload: string, isSource: boolean, range: AddressRange, connections: ConnectionSet) => {
    const key = `${isSource}\0${workload}\0${formatConnections(connections)}`;
    const known = outside.get(key);
    if (known) known.ranges.push(range);
    else outside.set(key, { workload, isSource, connections, ranges: [range] });
  };

  for (const [from, source] of peers.entries()) {
    for (const [to, destination] of peers.entries()) {
      const connections = connectivity.between(from, to);
      if (isNoConnection(connections)) continue;
      if (source.kind === 'addresses') for (const name of names[to]!) addOutside(name, false, source.range, connections);
      else if (destination.kind === 'addresses') for (const name of names[from]!) addOutside(name, true, destination.range, connections);
      else for (const name of names[from]!) for (const other of names[to]!) addInside(name, other, connections);
    }
  }
  const rows = [...inside.values()];
  for (const { workload, isSource, connections, ranges } of outside.values()) {
    for (const range of mergeRanges(ranges)) {
      const text = formatRange(range);
      const ends = isSource ? { source: workload, destination: text } : { source: text, destination: workload };
      rows.push({ ...ends, connections, outside: { end: isSource ? 'destination' : 'source', range } });
    }
  }
  const order = (row: ConnectivityRow) => `${row.source}\0${row.destination}`;
  return rows.sort((a, b) => (order(a) < order(b) ? -1 : 1));
}
