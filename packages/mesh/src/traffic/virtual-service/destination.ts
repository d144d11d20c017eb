/** The cluster a destination means. It need not exist: then requests get 503, as in Istio. */
import { bytesClusterName, outboundClusterName } from '../clusters.ts';
import type { MeshService } from '../model.ts';
import type { Destination, TcpRoute, VirtualService } from './model.ts';
import { fitsPlace, type RoutingPlace } from './select.ts';

/** @param host fully qualified */
export type FindService = (host: string) => MeshService | undefined;

export function portOf({ host, port }: Destination, askedPort: number, find: FindService): number {
  const ports = find(host)?.ports ?? [];
  return port ?? (ports.length === 1 ? ports[0]!.port : askedPort);
}

export function clusterOf(destination: Destination, askedPort: number, find: FindService): string {
  return outboundClusterName(destination.host, portOf(destination, askedPort, find), destination.subset);
}

export interface WeightedCluster {
  readonly name: string;
  readonly weight: number;
}

/** The first TCP route that fits the place. */
export function findTcpRoute(owner: VirtualService, place: RoutingPlace): TcpRoute | undefined {
  return owner.tcp.find(({ matches }) => matches.length === 0 || matches.some((match) => fitsPlace(match, owner, place)));
}

export function clustersOf({ destinations }: TcpRoute, place: RoutingPlace, find: FindService): WeightedCluster[] {
  return destinations.map(({ destination, weight }) => {
    const name = clusterOf(destination, place.port, find);
    const port = portOf(destination, place.port, find);
    const isAuto = find(destination.host)?.ports.find((each) => each.port === port)?.protocol === 'auto';
    return { name: isAuto ? bytesClusterName(name) : name, weight };
  });
}
