import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Endpoint } from '@palisade/flow';
import type { FlowSink } from '../contract.ts';
import { adoptListener } from '../node/network/namespaces/netns-sockets.ts';
import { pageFor } from './pages.ts';
import { type OutsideHost, outsideHosts } from './zone.ts';

export interface OutsideOptions {
  readonly netns: string;
  readonly sink: FlowSink;
  readonly clock: () => Date;
  readonly endpointOf: (ip: string, port: number) => Endpoint;
}

const port = 80;

/** HTTP servers of the outside world on port 80; every request is a flow record. */
export async function startOutside(options: OutsideOptions): Promise<{ close(): void }> {
  const servers: Server[] = [];
  for (const host of outsideHosts) {
    for (const address of host.addresses) {
      const server = createServer({ requestTimeout: 10_000 }, (request, response) => answer(options, host, address, request, response));
      servers.push(await adoptListener(server, options.netns, address, port));
    }
  }
  return {
    close() {
      for (const server of servers) {
        server.closeAllConnections();
        server.close();
      }
    },
  };
}

function answer(options: OutsideOptions, host: OutsideHost, address: string, request: IncomingMessage, response: ServerResponse): void {
  const page = pageFor(host.serves, request.url ?? '/', request.headers);
  response.writeHead(page.status, { 'content-type': page.type, 'content-length': Buffer.byteLength(page.body) });
  response.end(request.method === 'HEAD' ? undefined : page.body);
  request.resume();
  options.sink({
    time: options.clock().toISOString(),
    reporter: 'outside',
    verdict: 'FORWARDED',
    reason: 'reached the outside world',
    direction: 'egress',
    source: options.endpointOf(request.socket.remoteAddress ?? '', request.socket.remotePort ?? 0),
    destination: { ip: address, port, reserved: 'world', names: host.names.slice(0, 1) },
    body: {
      type: 'http',
      method: request.method ?? '',
      path: request.url ?? '/',
      ...(request.headers.host === undefined ? {} : { host: request.headers.host }),
      protocol: `HTTP/${request.httpVersion}`,
      status: page.status,
    },
  });
}
