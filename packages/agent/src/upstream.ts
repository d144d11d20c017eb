/** The agent's connection to the control plane: one for all streams, opened when it is needed and again after it was lost. */
import type { ClientHttp2Session } from 'node:http2';
import { authorization, type ControlPlaneAccess, connectControlPlane } from './certificates.ts';
import { keepAlive } from './keep-alive.ts';

export interface Upstream {
  session(): ClientHttp2Session;
  /** The pod's token, read anew for each stream. */
  headers(): Record<string, string>;
}

export function createUpstream(access: ControlPlaneAccess): Upstream {
  let current: ClientHttp2Session | undefined;
  return {
    session() {
      if (current === undefined || current.destroyed || current.closed) {
        current = connectControlPlane(access);
        current.on('error', () => {});
        keepAlive(current);
      }
      return current;
    },
    headers: () => authorization(access),
  };
}
