import { once } from 'node:events';
import { createServer, request as httpRequest, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Reply {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: string;
}
interface Sent {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly chunks?: readonly Uint8Array[];
}
export type Send = (path: string, sent?: Sent) => Promise<Reply>;

/** Listen on a free port of the loopback address for as long as `use` runs. */
export async function serve(listener: RequestListener, use: (send: Send, port: number) => Promise<void>): Promise<void> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const send: Send = (path, { headers = {}, chunks, method = chunks ? 'POST' : 'GET' } = {}) =>
    new Promise((resolve, fail) => {
      const outgoing = httpRequest({ port, host: '127.0.0.1', path, method, headers }, (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (text) => {
          body += text;
        });
        response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, body }));
        response.on('error', fail);
      });
      outgoing.on('error', fail);
      for (const chunk of chunks ?? []) outgoing.write(chunk);
      outgoing.end();
    });
  try {
    await use(send, port);
  } finally {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  }
}
