/** Port 15021: `/healthz/ready` says 200 once the proxy runs with a configuration from the control plane. */
import { createServer, get, type Server } from 'node:http';
import { ports } from './bootstrap.ts';

/** @param hasCertificate without one the proxy can serve nobody */
export function createReadiness(hasCertificate: () => boolean): Server {
  return createServer((request, response) => {
    if (request.url !== '/healthz/ready') {
      response.writeHead(404).end();
      return;
    }
    if (!hasCertificate()) {
      response.writeHead(503).end('no certificate yet\n');
      return;
    }
    const asked = get({ host: '127.0.0.1', port: ports.admin, path: '/ready', timeout: 2000 }, (answer) => {
      answer.resume();
      response.writeHead(answer.statusCode === 200 ? 200 : 503).end();
    });
    asked.on('timeout', () => asked.destroy());
    asked.on('error', () => response.writeHead(503).end('the proxy does not answer\n'));
  });
}

/** Ends when the pod's proxy is ready. @throws Error after the time limit */
export async function waitUntilReady(timeoutMs: number): Promise<void> {
  const deadline = AbortSignal.timeout(timeoutMs);
  while (!deadline.aborted) {
    const isReady = await fetch(`http://127.0.0.1:${ports.ready}/healthz/ready`, { signal: deadline }).then(
      (response) => response.ok,
      () => false,
    );
    if (isReady) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`the proxy is not ready after ${timeoutMs / 1000} s`);
}
