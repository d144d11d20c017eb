/** The network edges of `createJwksSource`. */
import { lookup } from 'node:dns/promises';
import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { JwksEdges } from './jwks-source.ts';

const timeoutMs = 5_000;
const maxBytes = 1024 * 1024;

export function jwksNetwork(): Pick<JwksEdges, 'resolve' | 'get'> {
  return {
    resolve: async (host) => (await lookup(host, { all: true })).map(({ address }) => address),
    get: (url, address) =>
      new Promise((resolve, reject) => {
        const isSecure = url.protocol === 'https:';
        const host = url.hostname.replace(/^\[|\]$/g, '');
        const options = {
          host: address,
          port: Number(url.port || (isSecure ? 443 : 80)),
          path: url.pathname + url.search,
          headers: { host: url.host, accept: 'application/json' },
          agent: false as const,
          signal: AbortSignal.timeout(timeoutMs),
        };
        const answered = (response: IncomingMessage) => void read(response).then(resolve, reject);
        const sent = isSecure ? requestHttps({ ...options, servername: host }, answered) : requestHttp(options, answered);
        sent.on('error', reject).end();
      }),
  };
}

async function read(response: IncomingMessage): Promise<{ status: number; body: string }> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new Error(`the key set is over ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return { status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') };
}
