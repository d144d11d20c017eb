import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createServer as createHttp2Server, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo, Server } from 'node:net';
import { test } from 'node:test';
import { encodeFrame } from '@palisade/xds/grpc';
import { appProbeRoutes } from './app-probe.ts';
import { createStatusServer } from './status.ts';

async function listen(server: { listen(port: number, host: string): unknown; address(): unknown }): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server as unknown as Server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** grpc.health.v1: answers for service "up" SERVING (1), for any other NOT_SERVING (2). */
function health(stream: ServerHttp2Stream): void {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  stream.on('end', () => {
    const status = Buffer.concat(chunks).includes('up') ? 1 : 2;
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end(encodeFrame(Uint8Array.of(8, status)));
  });
}

test('what the kubelet asks reaches the application from the exempt address; its answer comes back', async () => {
  const seen: string[] = [];
  const app = createServer((request, response) => {
    seen.push(`${request.socket.remoteAddress} ${request.url} ${request.headers['x-probe']}`);
    response.writeHead(request.url === '/ok' ? 204 : 503).end();
  });
  const grpc = createHttp2Server();
  grpc.on('stream', health);
  const silent = createServer(() => {});
  const [appPort, grpcPort, silentPort] = [await listen(app), await listen(grpc), await listen(silent)];
  const http = (path: string, port = appPort) => ({
    httpGet: { path, port, httpHeaders: [{ name: 'X-Probe', value: 'yes' }] },
    timeoutSeconds: 1,
  });
  const probers = {
    '/ok': http('/ok'),
    '/bad': http('/bad'),
    '/silent': http('/', silentPort),
    '/tcp': { tcpSocket: { port: appPort } },
    '/closed': { tcpSocket: { port: 1 } },
    '/up': { grpc: { port: grpcPort, service: 'up' } },
    '/down': { grpc: { port: grpcPort } },
  };
  const status = createStatusServer(appProbeRoutes(JSON.stringify(probers), { address: '127.0.0.1', source: '127.0.0.6' }));
  const port = await listen(status);
  const ask = async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).status;
  try {
    const rows: [string, number][] = [
      ['/ok', 204],
      ['/bad', 503],
      ['/silent', 500],
      ['/tcp', 200],
      ['/closed', 500],
      ['/up', 200],
      ['/down', 503],
      ['/other', 404],
    ];
    for (const [path, expected] of rows) assert.equal(await ask(path), expected, path);
    assert.deepEqual(seen, ['127.0.0.6 /ok yes', '127.0.0.6 /bad yes']);
  } finally {
    silent.closeAllConnections();
    for (const server of [app, grpc, silent, status]) server.close();
  }
});
