/**
 * The debug interface, for the loopback of the control plane's own pod alone: who may `exec` there may read every proxy's configuration,
 * and no workload may (Istio's CVE-2026-31838 was this interface open to the network).
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { renderConfigDump } from './config-dump.ts';
import type { ConnectedProxies } from './connected.ts';
import { syncStatus } from './sync-status.ts';

/** @param istiod this process's own name */
export function createDebugListener({ all }: ConnectedProxies, istiod: string) {
  return (request: IncomingMessage, response: ServerResponse): void => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const answer = (status: number, body: unknown) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`);
    // A page in somebody's browser could reach a forwarded port under a name of its own (DNS rebinding).
    if (!/^(?:127\.0\.0\.1|localhost|\[::1\])(?::\d+)?$/.test(request.headers.host ?? '')) answer(403, { error: 'ask by a loopback name' });
    else if (url.pathname === '/debug/syncz') answer(200, syncStatus(all, istiod));
    else if (url.pathname === '/debug/config_dump') {
      const asked = url.searchParams.get('proxyID');
      const proxy = [...all].find(({ name }) => name === asked);
      if (proxy?.pushed === undefined) answer(404, { error: `no proxy "${asked}" is connected here; expected proxyID=POD.NAMESPACE` });
      else answer(200, renderConfigDump(proxy.pushed));
    } else answer(404, { error: 'known here: /debug/syncz, /debug/config_dump?proxyID=POD.NAMESPACE' });
  };
}
