import { connect, constants } from 'node:http2';
import type { Duplex } from 'node:stream';

/**
 * grpc.health.v1.Health/Check over a given connection. The two messages are small enough to be written by hand: field 1 of the request is the
 * service's name, field 1 of the answer the status, 1 = SERVING.
 */
export async function checkGrpcHealth(
  dial: () => Promise<Duplex>,
  address: string,
  service: string,
  timeoutMs: number,
): Promise<{ isSuccess: boolean; message: string }> {
  const transport = await dial();
  const session = connect(`http://${address}`, { createConnection: () => transport });
  session.on('error', () => {});
  try {
    return await new Promise((resolve) => {
      const fail = (message: string) => resolve({ isSuccess: false, message });
      const timer = setTimeout(
        () => fail(`timeout: failed to connect service "${address}" within ${timeoutMs / 1000}s: context deadline exceeded`),
        timeoutMs,
      );
      const stream = session.request({
        [constants.HTTP2_HEADER_METHOD]: 'POST',
        [constants.HTTP2_HEADER_PATH]: '/grpc.health.v1.Health/Check',
        [constants.HTTP2_HEADER_CONTENT_TYPE]: 'application/grpc',
        te: 'trailers',
      });
      const chunks: Buffer[] = [];
      let size = 0;
      let code: string | undefined;
      stream.on('response', (headers) => {
        code = headers['grpc-status'] as string | undefined;
      });
      stream.on('trailers', (trailers) => {
        code = trailers['grpc-status'] as string | undefined;
      });
      stream.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size <= MAX_ANSWER) chunks.push(chunk);
        else stream.destroy(new Error(`the answer is longer than ${MAX_ANSWER} bytes`));
      });
      stream.on('error', (error) => fail(`error: health rpc probe failed: ${error.message}`));
      session.on('error', (error: Error) => fail(`error: health rpc probe failed: ${error.message}`));
      stream.on('close', () => {
        clearTimeout(timer);
        if (code !== '0') return fail(`error: health rpc probe failed: code ${code ?? 'missing'}`);
        const status = servingStatus(Buffer.concat(chunks));
        resolve(
          status === 1
            ? { isSuccess: true, message: '' }
            : { isSuccess: false, message: `service unhealthy (responded with "${STATUS[status] ?? status}")` },
        );
      });
      stream.end(frame(service));
    });
  } finally {
    session.destroy();
    transport.destroy();
  }
}

/** A HealthCheckResponse has 7 with its frame; others may send on without end. */
const MAX_ANSWER = 1024;

const STATUS = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];

/** gRPC frame (1 byte flags, 4 bytes length) around `HealthCheckRequest{service}`. */
function frame(service: string): Buffer {
  const name = Buffer.from(service);
  if (name.length > 127) throw new Error(`grpc service name "${service}" is longer than 127 bytes`);
  const message = name.length === 0 ? Buffer.alloc(0) : Buffer.concat([Buffer.from([0x0a, name.length]), name]);
  const header = Buffer.alloc(5);
  header.writeUInt32BE(message.length, 1);
  return Buffer.concat([header, message]);
}

function servingStatus(answer: Buffer): number {
  const message = answer.subarray(5);
  return message[0] === 0x08 ? (message[1] ?? 0) : 0;
}
