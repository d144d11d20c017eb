import { type AddressRange, formatRange, mergeRanges, subtractRanges } from '../address.ts';
import { type ConnectionSet, formatConnections, isNoConnection, noConnections } from './connections.ts';
import type { ConnectivityRow } from './list.ts';

/** What became reachable, unreachable, or reachable in another way. */
export interface ConnectivityChange {
  readonly kind: 'added' | 'removed' | 'changed';
  readonly source: string;
  readonly destination: string;
  readonly before: ConnectionSet;
  readonly after: ConnectionSet;
}

/** Rows about one pair of workloads, or about one workload and the outside in one direction. */
interface Pair {
  readonly workloads: { readonly source?: string; readonly destination?: string };
  readonly before: ConnectivityRow[];
  readonly after: ConnectivityRow[];
}

/**
 * Compares two lists of connectivity. Outside addresses are compared address by address, however the two sides cut them, and
 * changes that are alike are joined again.
 */
export function diffConnectivity(before: readonly ConnectivityRow[], after: readonly ConnectivityRow[]): ConnectivityChange[] {
  const pairs = new Map<string, Pair>();
  for (const [side, rows] of [
    ['before', before],
    ['after', after],
  ] as const) {
    for (const row of rows) {
      const workloads = {
        ...(row.outside?.end !== 'source' && { source: row.source }),
        ...(row.outside?.end !== 'destination' && { destination: row.destination }),
      };
      const key = JSON.stringify(workloads);
      let pair = pairs.get(key);
      if (!pair) {
        pair = { workloads, before: [], after: [] };
        pairs.set(key, pair);
      }
      pair[side].push(row);
    }
  }
  const changes = [...pairs.values()].flatMap(changesOf);
  const order = ({ source, destination }: ConnectivityChange) => `${source}\0${destination}`;
  return changes.sort((a, b) => (order(a) < order(b) ? -1 : 1));
}

function changesOf({ workloads, before, after }: Pair): ConnectivityChange[] {
  const { source, destination } = workloads;
  if (source !== undefined && destination !== undefined) {
    return changeOf(source, destination, before[0]?.connections ?? noConnections, after[0]?.connections ?? noConnections);
  }
  const joined = new Map<string, { before: ConnectionSet; after: ConnectionSet; ranges: AddressRange[] }>();
  for (const piece of commonPieces([...before, ...after].map((row) => row.outside!.range))) {
    const found = { before: connectionsAt(before, piece), after: connectionsAt(after, piece) };
    const key = `${formatConnections(found.before)}\0${formatConnections(found.after)}`;
    const known = joined.get(key);
    if (known) known.ranges.push(piece);
    else joined.set(key, { ...found, ranges: [piece] });
  }
  return [...joined.values()].flatMap((group) =>
    mergeRanges(group.ranges).flatMap((range) =>
      changeOf(source ?? formatRange(range), destination ?? formatRange(range), group.before, group.after),
    ),
  );
}

/** Cuts overlapping ranges so that each piece lies wholly inside or outside of every range. */
function commonPieces(ranges: readonly AddressRange[]): AddressRange[] {
  let pieces: AddressRange[] = [];
  for (const range of ranges) {
    const inside = pieces.flatMap((piece) => subtractRanges([piece], subtractRanges([piece], [range])));
    const outside = pieces.flatMap((piece) => subtractRanges([piece], [range]));
    pieces = [...inside, ...outside, ...subtractRanges([range], pieces)];
  }
  return pieces;
}

function connectionsAt(rows: readonly ConnectivityRow[], piece: AddressRange): ConnectionSet {
  const covering = rows.find(({ outside }) => {
    const range = outside!.range;
    return range.family === piece.family && range.first <= piece.first && piece.last <= range.last;
  });
  return covering?.connections ?? noConnections;
}

function changeOf(source: string, destination: string, before: ConnectionSet, after: ConnectionSet): ConnectivityChange[] {
  if (formatConnections(before) === formatConnections(after)) return [];
  const kind = isNoConnection(before) ? 'added' : isNoConnection(after) ? 'removed' : 'changed';
  return [{ kind, source, destination, before, after }];
}
