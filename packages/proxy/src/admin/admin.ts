/** Envoy's admin interface, the part that tools and probes use. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Bootstrap } from '@palisade/xds/api/envoy/config/bootstrap/v3/bootstrap';
import { place } from '../net/address.ts';
import type { DataPlane } from '../proxy.ts';
import { renderClusters, renderClustersJson } from './clusters.ts';
import { renderConfigDump } from './config-dump.ts';

type Answer = { readonly status?: number; readonly type?: string; readonly body: string };

/** Changes need POST, as in Envoy. */
const changing = new Set(['/healthcheck/fail', '/healthcheck/ok', '/drain_listeners', '/quitquitquit']);

export interface AdminOptions {
  /** What the proxy was started with, for `/config_dump`. */
  readonly bootstrap?: Bootstrap;
  /** Whether it has its first configuration; absent = it needs none. */
  isServing?(): boolean;
}

export function startAdmin(
  proxy: DataPlane,
  { address, port }: { address: string; port: number },
  quit: () => void,
  { bootstrap, isServing = () => true }: AdminOptions = {},
): Promise<Server> {
  const { promise, resolve, reject } = Promise.withResolvers<Server>();
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const [path = '/', query] = (request.url ?? '/').split('?');
    const answer =
      changing.has(path) && request.method !== 'POST'
        ? { status: 405, body: `${path} changes state: use POST\n` }
        : path === '/config_dump'
          ? { type: 'application/json', body: renderConfigDump(proxy, bootstrap) }
          : answerOf(path, new URLSearchParams(query), proxy, quit, isServing);
    response.writeHead(answer.status ?? 200, { 'content-type': answer.type ?? 'text/plain; charset=UTF-8', 'cache-control': 'no-cache' });
    response.end(answer.body);
  });
  server.once('error', reject);
  server.listen(port, address, () => resolve(server));
  return promise;
}

function answerOf(path: string, query: URLSearchParams, proxy: DataPlane, quit: () => void, isServing: () => boolean): Answer {
  const { stats, drain } = proxy.runtime;
  switch (path) {
    case '/ready':
    case '/healthz/ready':
      if (drain.isDraining) return { status: 503, body: 'DRAINING\n' };
      return isServing() ? { body: 'LIVE\n' } : { status: 503, body: 'INITIALIZING\n' };
    case '/server_info':
      return {
        type: 'application/json',
        body: `${JSON.stringify({ version: 'palisade', state: drain.isDraining ? 'DRAINING' : 'LIVE' })}\n`,
      };
    case '/stats':
      return {
        body: stats
          .entries()
          .map(([name, value]) => `${name}: ${value}\n`)
          .join(''),
      };
    case '/stats/prometheus':
      return { type: 'text/plain; version=0.0.4', body: stats.renderPrometheus() };
    case '/clusters':
      return query.get('format') === 'json'
        ? { type: 'application/json', body: renderClustersJson(proxy) }
        : { body: renderClusters(proxy) };
    case '/listeners':
      return {
        body: proxy.listeners.map((one) => `${one.name}::${one.addresses.map((own) => place(own.address, own.port)).join(',')}\n`).join(''),
      };
    case '/healthcheck/fail':
    case '/healthcheck/ok':
      drain.isDraining = path.endsWith('fail');
      return { body: 'OK\n' };
    case '/drain_listeners':
      void proxy.drain();
      return { body: 'OK\n' };
    case '/quitquitquit':
      setImmediate(quit);
      return { body: 'OK\n' };
    default:
      return { status: 404, body: 'not found\n' };
  }
}
