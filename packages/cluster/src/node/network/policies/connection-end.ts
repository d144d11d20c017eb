import { isIP } from 'node:net';
import { type CompiledPolicies, evaluatePacket } from '@palisade/netpol';
import { run } from '../namespaces/namespace.ts';

/** One tracked flow: what the first packet said, and where it really went after translation. */
export interface TrackedFlow {
  readonly protocol: 'udp' | 'sctp';
  readonly original: {
    readonly source: string;
    readonly destination: string;
    readonly sourcePort: number;
    readonly destinationPort: number;
  };
  readonly endpoint: { readonly ip: string; readonly port: number };
}

const LINE = /^(udp|sctp)\s.*?src=(\S+) dst=(\S+) sport=(\d+) dport=(\d+) .*?src=(\S+) dst=\S+ sport=(\d+) dport=\d+/;

/** Reads `conntrack -L`. Lines that are something else are left out. */
export function parseConntrack(text: string): TrackedFlow[] {
  return text.split('\n').flatMap((line): TrackedFlow[] => {
    const match = LINE.exec(line.replace(/^ipv[46]\s+\d+\s+/, ''));
    if (match === null) return [];
    const [, protocol, source, destination, sourcePort, destinationPort, ip, port] = match;
    if (isIP(source!) === 0 || isIP(destination!) === 0 || isIP(ip!) === 0) return [];
    return [
      {
        protocol: protocol as 'udp' | 'sctp',
        original: { source: source!, destination: destination!, sourcePort: Number(sourcePort), destinationPort: Number(destinationPort) },
        endpoint: { ip: ip!, port: Number(port) },
      },
    ];
  });
}

/** Flows whose first packet would be refused today. Their answers would go on passing, since answers are not judged. */
export function forbiddenFlows(flows: readonly TrackedFlow[], compiled: CompiledPolicies): TrackedFlow[] {
  return flows.filter((flow) => {
    const packet = {
      src: { ip: flow.original.source },
      dst: { ip: flow.endpoint.ip },
      protocol: flow.protocol.toUpperCase(),
      port: flow.endpoint.port,
    };
    return !evaluatePacket(compiled, packet).allowed;
  });
}

/** Whether any connection from this node to an address is open. */
export async function hasConnection(netns: string, address: string): Promise<boolean> {
  // Exit code 1 means that there was none.
  const listing = await run('conntrack', ['-L', '-f', address.includes(':') ? 'ipv6' : 'ipv4', '-d', address], { netns }).catch(() => '');
  return listing.split('\n').some((line) => /^(?:udp|sctp)\s|^tcp\s.*\bESTABLISHED\b/.test(line));
}

/**
 * Forgets the UDP and SCTP flows of a node that the policies now forbid. TCP is not touched: its next packet from the client is
 * answered with a reset by the table, which ends it for both sides at once.
 */
export async function endForbiddenFlows(netns: string, compiled: CompiledPolicies): Promise<number> {
  let ended = 0;
  const listing = await run('conntrack', ['-L'], { netns });
  for (const { protocol, original } of forbiddenFlows(parseConntrack(listing), compiled)) {
    const { source, destination, sourcePort, destinationPort } = original;
    const tuple = ['-s', source, '-d', destination, '--sport', `${sourcePort}`, '--dport', `${destinationPort}`];
    // It may have ended by itself meanwhile; then conntrack finds nothing and says so with exit code 1.
    await run('conntrack', ['-D', '-f', source.includes(':') ? 'ipv6' : 'ipv4', '-p', protocol, ...tuple], { netns }).then(
      () => ended++,
      () => {},
    );
  }
  return ended;
}
