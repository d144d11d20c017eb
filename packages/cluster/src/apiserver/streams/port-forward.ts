import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Kubelet } from '../../contract.ts';
import { type SpdyStream, serveSpdy } from './spdy/connection.ts';

/** kubectl's tunnel: SPDY inside the messages of a WebSocket. */
export const PORT_FORWARD_PROTOCOL = 'SPDY/3.1+portforward.k8s.io';

/**
 * Each forwarded connection is a pair of streams with the same `requestid`: `error` first, where a failure is told as text, then
 * `data`, which is the connection.
 */
export function servePortForward(wire: Duplex, kubelet: Kubelet, namespace: string, pod: string): void {
  const errors = new Map<string, SpdyStream>();
  serveSpdy(wire, (stream) => {
    const requestId = stream.headers.get('requestid') ?? '';
    if (stream.headers.get('streamtype') === 'error') {
      errors.set(requestId, stream);
      stream.on('close', () => errors.delete(requestId));
      stream.resume();
      return;
    }
    void forward(stream, errors.get(requestId), kubelet, namespace, pod);
  });
}

async function forward(data: SpdyStream, errors: SpdyStream | undefined, kubelet: Kubelet, namespace: string, pod: string): Promise<void> {
  const port = Number(data.headers.get('port'));
  try {
    if (!Number.isInteger(port) || port < 1 || port > 65_535)
      throw new Error(`port ${JSON.stringify(data.headers.get('port') ?? '')} is not in the range 1 to 65535`);
    const connection = await kubelet.portForward(namespace, pod, port);
    await Promise.all([pipeline(data, connection), pipeline(connection, data)]).catch(() => connection.destroy());
    errors?.end();
  } catch (error) {
    errors?.end(`error forwarding port ${port} to pod ${pod}: ${(error as Error).message}`);
    data.end();
    data.resume();
  }
}
