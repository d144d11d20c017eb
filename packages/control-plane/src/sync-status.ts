/** How far each proxy has followed, as `proxy-status` shows it. */
import type { ProxyConnection } from '@palisade/xds/server';
import type { ProxyIdentity } from './token.ts';

export interface ProxySync {
  readonly proxy: string;
  readonly types: readonly {
    readonly typeUrl: string;
    readonly state: 'SYNCED' | 'STALE' | 'NOT SENT' | 'NACK';
    readonly reason?: string;
  }[];
}

export function syncStatus(connections: Iterable<ProxyConnection<ProxyIdentity>>): ProxySync[] {
  return [...connections].map(({ identity, status, node }) => ({
    proxy: identity.pod === undefined ? node.id : `${identity.pod}.${identity.id.namespace}`,
    types: [...status].map(([typeUrl, { sentVersion, ackedVersion, nack }]) => ({
      typeUrl,
      state: nack !== undefined ? 'NACK' : sentVersion === '' ? 'NOT SENT' : sentVersion === ackedVersion ? 'SYNCED' : 'STALE',
      ...(nack === undefined ? {} : { reason: nack.message }),
    })),
  }));
}
