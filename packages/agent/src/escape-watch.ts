/**
 * "Mesh Escape 101" seen from beside: under `redirect` the proxy's user is exempt, whoever runs as it. Connections of that user that neither
 * the agent nor the proxy holds were made by somebody else, past the proxy, wherever they go.
 */
import type { FlowRecord } from '@palisade/flow';
import type { OwnPod } from './telemetry/flow.ts';

export interface Connection {
  readonly inode: number;
  readonly uid: number;
  readonly local: { readonly address: string; readonly port: number };
  readonly remote: { readonly address: string; readonly port: number };
}

const established = '01';

/** `/proc/net/tcp` and `/proc/net/tcp6` (proc_pid_net(5)): established connections that a process holds. */
export function parseConnections(table: string): Connection[] {
  return table.split('\n').flatMap((line) => {
    const [, local, remote, state, , , , uid, , inode] = line.trim().split(/\s+/);
    if (state !== established || local === undefined || remote === undefined || inode === undefined || inode === '0') return [];
    return [{ inode: Number(inode), uid: Number(uid), local: parsePlace(local), remote: parsePlace(remote) }];
  });
}

/** Words of four bytes, each in the machine's order (little-endian on all that run here), then the port. */
function parsePlace(text: string) {
  const [hex = '', port = ''] = text.split(':');
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap((word) => [...Buffer.from(word, 'hex')].reverse());
  return { address: formatAddress(bytes), port: Number.parseInt(port, 16) };
}

function formatAddress(bytes: readonly number[]): string {
  const isMapped = bytes.length === 16 && bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
  if (bytes.length === 4 || isMapped) return bytes.slice(-4).join('.');
  const groups = Array.from({ length: 8 }, (_, index) => ((bytes[2 * index]! << 8) | bytes[2 * index + 1]!).toString(16));
  // The longest form, made short as everybody writes it.
  return new URL(`http://[${groups.join(':')}]/`).hostname.slice(1, -1);
}

export interface EscapeEdges {
  /** Both tables, one after the other. */
  readTables(): string;
  /** Sockets of the agent and of the proxy, by inode. */
  ownSockets(): ReadonlySet<number>;
  now(): Date;
}

/**
 * @param uid the proxy's
 * @returns looks once; each stranger is told once, at the second look that finds it: between reading the table and the processes a
 *   connection may have ended
 */
export function createEscapeWatch(uid: number, pod: OwnPod, edges: EscapeEdges): () => FlowRecord[] {
  let suspects = new Set<number>();
  let told = new Set<number>();
  return () => {
    const foreign = parseConnections(edges.readTables()).filter(
      (each) => each.uid === uid && !/^127\.|^::1$/.test(each.remote.address) && !/^::6$|^127\./.test(each.local.address),
    );
    const own = foreign.length === 0 ? new Set<number>() : edges.ownSockets();
    const strangers = foreign.filter(({ inode }) => !own.has(inode));
    const found = strangers.filter(({ inode }) => suspects.has(inode) && !told.has(inode));
    suspects = new Set(strangers.map(({ inode }) => inode));
    told = new Set([...told, ...found.map(({ inode }) => inode)].filter((inode) => suspects.has(inode)));
    return found.map((connection) => flowOf(connection, uid, pod, edges.now()));
  };
}

function flowOf({ local, remote }: Connection, uid: number, pod: OwnPod, now: Date): FlowRecord {
  return {
    time: now.toISOString(),
    reporter: `pod/${pod.namespace}/${pod.name}/istio-proxy`,
    verdict: 'AUDIT',
    reason: `past the mesh: a process of user ${uid} that is not the proxy holds this connection`,
    direction: 'egress',
    source: { ip: local.address, port: local.port, namespace: pod.namespace, pod: pod.name },
    destination: { ip: remote.address, port: remote.port },
    body: { type: 'l4', protocol: 'TCP' },
  };
}
