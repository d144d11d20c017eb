/** A call from outside the mesh: by which gateway's door it comes in. */
import { chooseDoor, type Door, doorsOf } from '@palisade/mesh/call';
import { nameOf, type SourcePod } from '../ends.ts';
import { type MeshSource, workloadOf } from '../source.ts';
import { workloadNameOf } from '../target.ts';

/** A visitor whose address nobody named has one of a documentation range (RFC 5737). */
export const someAddress = '203.0.113.1';

export interface Way {
  readonly gateway: SourcePod;
  readonly door: Door;
  /** As a visitor's request names it. */
  readonly authority: string;
}

const defaultPorts: Readonly<Record<string, number>> = { 'http://': 80, 'https://': 443 };

/** One gateway of each workload. */
export function gatewayPods(source: MeshSource): SourcePod[] {
  return [...new Map(source.pods.filter((pod) => workloadOf(pod).isGateway).map((pod) => [workloadNameOf(pod), pod])).values()];
}

/**
 * @param to `a.example`, `a.example:8080` or `https://a.example`
 * @param port as visitors dial it; without one 80, or the only one that the host is served on
 * @throws Error when none of these gateways offers the host there
 */
export function findWays(source: MeshSource, gateways: readonly SourcePod[], to: string, port: number | undefined): Way[] {
  const [, scheme = '', host = '', written] = /^(https?:\/\/)?([^/:]+)(?::(\d+))?\/?$/.exec(to.toLowerCase()) ?? [];
  const doors = gateways.flatMap((gateway) => doorsOf(source.snapshot, workloadOf(gateway)).map((door) => ({ gateway, door })));
  const ports = new Set(doors.filter(({ door }) => chooseDoor([door], host)).map(({ door }) => door.port));
  const wanted = port ?? (written === undefined ? defaultPorts[scheme] : Number(written)) ?? (ports.size === 1 ? [...ports][0]! : 80);
  const ways = gateways.flatMap((gateway): Way[] => {
    const own = doors.filter((each) => each.gateway === gateway && each.door.port === wanted).map(({ door }) => door);
    const door = chooseDoor(own, host);
    if (door === undefined) return [];
    return [{ gateway, door, authority: wanted === (door.isTls ? 443 : 80) ? host : `${host}:${wanted}` }];
  });
  if (ways.length > 0) return ways;
  if (doors.length === 0) {
    const who = gateways.length === 0 ? 'no gateway runs' : `no Gateway selects ${gateways.map(nameOf).join(', ')}`;
    throw new Error(`Cannot enter as "${to}": ${who}; "kubectl get gateways -A" lists what there is`);
  }
  const offered = [...new Set(doors.map(({ door }) => `${door.host} on port ${door.port} (Gateway ${door.gateway})`))];
  throw new Error(`Cannot enter as "${to}" on port ${wanted}: there are ${offered.slice(0, 8).join(', ')}`);
}
