/** Which ports a gateway opens, and whose servers stand on each. */
import { selects } from '../authz/select.ts';
import { backedPorts } from '../traffic/backed-ports.ts';
import type { MeshSnapshot, Workload } from '../traffic/model.ts';
import type { Gateway, Server } from './model.ts';

export interface PlacedServer {
  readonly gateway: Gateway;
  readonly server: Server;
}

export interface GatewayPort {
  /** Where the pod listens. */
  readonly port: number;
  /** At least one; all with TLS or all without. */
  readonly servers: readonly PlacedServer[];
}

export function gatewayName({ namespace, name }: Gateway): string {
  return `${namespace}/${name}`;
}

/** Those that select this workload, oldest first. */
export function gatewaysOf({ gateways }: MeshSnapshot, { labels }: Workload): Gateway[] {
  return gateways.filter(({ selector }) => selects(selector, labels)).sort(byAge);
}

/** Servers by the port their pod listens on. What cannot share a port with an older server is left out, with a warning. */
export function placeServers(gateways: readonly Gateway[], snapshot: MeshSnapshot, workload: Workload) {
  const ports = new Map<number, PlacedServer[]>();
  const warnings: string[] = [];
  const backed = backedPorts(snapshot.services, workload);
  for (const gateway of gateways) {
    for (const server of gateway.servers) {
      const behind = backed.filter(({ port }) => port.port === server.port).map(({ targetPort }) => targetPort);
      for (const port of new Set(behind.length > 0 ? behind : [server.port])) {
        const others = ports.get(port) ?? [];
        const taken =
          server.tls && others.flatMap((one) => one.server.hosts).find(({ host }) => server.hosts.some((own) => own.host === host));
        const isOtherKind = others.some((one) => (one.server.tls === undefined) !== (server.tls === undefined));
        if (isOtherKind || taken !== undefined) {
          const reason = isOtherKind ? 'speaks another protocol there' : `serves "${taken?.host}" there already`;
          warnings.push(
            `Gateway ${gatewayName(gateway)}: port ${server.port} (${server.portName}) is not opened: an older server ${reason}`,
          );
        } else ports.set(port, [...others, { gateway, server }]);
      }
    }
  }
  return { ports: [...ports].sort(([a], [b]) => a - b).map(([port, servers]): GatewayPort => ({ port, servers })), warnings };
}

function byAge(a: Gateway, b: Gateway): number {
  return a.createdSeconds - b.createdSeconds || (gatewayName(a) < gatewayName(b) ? -1 : 1);
}
