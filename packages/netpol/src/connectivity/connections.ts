import { type PortProtocol, portProtocols } from '../model.ts';
import { maxPort } from '../parse/ports.ts';
import { formatPortRange, mergePorts, type PortRange } from '../ports.ts';

/** Ports by protocol, each list merged. Protocols without ports (ICMP) are not part of it. */
export type ConnectionSet = Readonly<Record<PortProtocol, readonly PortRange[]>>;

const ALL_PORTS: readonly PortRange[] = [{ from: 1, to: maxPort }];

export const noConnections: ConnectionSet = { TCP: [], UDP: [], SCTP: [] };
export const allConnections: ConnectionSet = { TCP: ALL_PORTS, UDP: ALL_PORTS, SCTP: ALL_PORTS };

function byProtocol(decide: (protocol: PortProtocol) => readonly PortRange[]): ConnectionSet {
  return { TCP: decide('TCP'), UDP: decide('UDP'), SCTP: decide('SCTP') };
}

export function connectionsOf(ports: readonly ({ readonly protocol: PortProtocol } & PortRange)[]): ConnectionSet {
  return byProtocol((protocol) => mergePorts(ports.filter((port) => port.protocol === protocol)));
}

export function unionConnections(a: ConnectionSet, b: ConnectionSet): ConnectionSet {
  return byProtocol((protocol) => mergePorts([...a[protocol], ...b[protocol]]));
}

export function intersectConnections(a: ConnectionSet, b: ConnectionSet): ConnectionSet {
  if (a === allConnections) return b;
  if (b === allConnections) return a;
  return byProtocol((protocol) =>
    a[protocol].flatMap((left) =>
      b[protocol].flatMap((right) => {
        const from = Math.max(left.from, right.from);
        const to = Math.min(left.to, right.to);
        return from <= to ? [{ from, to }] : [];
      }),
    ),
  );
}

/** What is in `a` and not in `b`. */
export function subtractConnections(a: ConnectionSet, b: ConnectionSet): ConnectionSet {
  return byProtocol((protocol) =>
    b[protocol].reduce<readonly PortRange[]>(
      (rest, hole) =>
        rest.flatMap((range) => {
          if (hole.to < range.from || hole.from > range.to) return [range];
          const before = { from: range.from, to: hole.from - 1 };
          const after = { from: hole.to + 1, to: range.to };
          return [before, after].filter(({ from, to }) => from <= to);
        }),
      a[protocol],
    ),
  );
}

export function isNoConnection(set: ConnectionSet): boolean {
  return portProtocols.every((protocol) => set[protocol].length === 0);
}

/** `All Connections`, `No Connections`, `TCP 80,443,UDP 53`, `TCP 1-65535`. Equal sets have equal texts. */
export function formatConnections(set: ConnectionSet): string {
  const texts = (['SCTP', 'TCP', 'UDP'] as const).flatMap((protocol) => {
    const ranges = set[protocol].map(formatPortRange);
    return ranges.length === 0 ? [] : [`${protocol} ${ranges.join(',')}`];
  });
  if (texts.length === 0) return 'No Connections';
  return texts.join(',') === 'SCTP 1-65535,TCP 1-65535,UDP 1-65535' ? 'All Connections' : texts.join(',');
}
