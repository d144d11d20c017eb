/** The proxies connected to this process, each with what it was last told to have. */
import type { ProxyConnection, ResourceSnapshot } from '@palisade/xds/server';
import type { ProxyIdentity } from '../token.ts';
import type { ConnectedProxy } from './sync-status.ts';

export interface DebuggedProxy extends ConnectedProxy {
  /** undefined before the first push. */
  readonly pushed: ResourceSnapshot | undefined;
}

export interface ConnectedProxies {
  readonly all: ReadonlySet<DebuggedProxy>;
  /** @returns the connection to use instead, whose pushes are remembered, and what to call when the proxy goes */
  add(connection: ProxyConnection<ProxyIdentity>): { connection: ProxyConnection<ProxyIdentity>; gone: () => void };
}

export function createConnectedProxies(): ConnectedProxies {
  const all = new Set<DebuggedProxy>();
  return {
    all,
    add(connection) {
      const { identity, node, status } = connection;
      const proxy = {
        name: identity.pod === undefined ? node.id : `${identity.pod}.${identity.id.namespace}`,
        node: node.id,
        status,
        pushed: undefined as ResourceSnapshot | undefined,
      };
      all.add(proxy);
      const push = (snapshot: ResourceSnapshot) => {
        proxy.pushed = snapshot;
        connection.push(snapshot);
      };
      return { connection: { ...connection, push }, gone: () => void all.delete(proxy) };
    },
  };
}
