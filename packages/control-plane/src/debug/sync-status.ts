/** How far each proxy has followed, as `palisade proxy-status` shows it. */
import type { TypeStatus } from '@palisade/xds/server';

export const SyncState = { synced: 'SYNCED', stale: 'STALE', notSent: 'NOT SENT', nack: 'NACK' } as const;
export type SyncState = (typeof SyncState)[keyof typeof SyncState];

export interface ProxySync {
  /** `pod.namespace`, or the node id of a proxy that is no pod. */
  readonly proxy: string;
  /** Control plane pod that it is connected to. */
  readonly istiod: string;
  /** What the proxy calls itself: `sidecar~10.0.0.1~web.shop~shop.svc.cluster.local`. */
  readonly node: string;
  readonly types: readonly {
    readonly typeUrl: string;
    readonly state: SyncState;
    /** What it has in force; absent before its first. */
    readonly version?: string;
    /** Why the last answer was refused; what it replaced is still in force. */
    readonly reason?: string;
  }[];
}

export interface ConnectedProxy {
  readonly name: string;
  readonly node: string;
  readonly status: ReadonlyMap<string, TypeStatus>;
}

export function syncStatus(proxies: Iterable<ConnectedProxy>, istiod: string): ProxySync[] {
  return [...proxies].map(({ name, node, status }) => ({
    proxy: name,
    istiod,
    node,
    types: [...status].map(([typeUrl, entry]) => ({
      typeUrl,
      state: stateOf(entry),
      ...(entry.ackedVersion === '' ? {} : { version: entry.ackedVersion }),
      ...(entry.nack === undefined ? {} : { reason: entry.nack.message }),
    })),
  }));
}

/** STALE = sent and not answered yet. */
function stateOf({ sentVersion, ackedVersion, nack }: TypeStatus): SyncState {
  if (nack !== undefined) return SyncState.nack;
  if (sentVersion === '') return SyncState.notSent;
  return sentVersion === ackedVersion ? SyncState.synced : SyncState.stale;
}
