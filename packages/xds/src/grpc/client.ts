/** The client's side of gRPC on a node:http2 session. */
import type { ClientHttp2Session } from 'node:http2';
import { createFrameReader, encodeFrame } from './frames.ts';
import { decodeMessage, GrpcCode, GrpcError } from './status.ts';

export interface ClientCall {
  send(message: Uint8Array): void;
  end(): void;
  cancel(): void;
}

export interface ClientEvents {
  message(message: Uint8Array): void;
  /** Once: undefined after success. */
  closed(error: GrpcError | undefined): void;
}

const maxBytes = 64 * 1024 * 1024;

export function openCall(
  session: ClientHttp2Session,
  path: string,
  headers: Readonly<Record<string, string>>,
  events: ClientEvents,
): ClientCall {
  const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers', ...headers });
  let status: GrpcError | undefined | null = null;
  const setStatus = (fields: Readonly<Record<string, unknown>>) => {
    const code = fields['grpc-status'];
    if (code === undefined) return;
    status = Number(code) === GrpcCode.ok ? undefined : new GrpcError(Number(code), decodeMessage(String(fields['grpc-message'] ?? '')));
  };
  let failure: Error | undefined;
  const read = createFrameReader(maxBytes, events.message);
  stream.on('response', (fields) => {
    if (fields[':status'] !== 200) failure = new Error(`HTTP status ${fields[':status']}`);
    setStatus(fields);
  });
  stream.on('trailers', setStatus);
  stream.on('data', (chunk: Buffer) => {
    try {
      read(chunk);
    } catch (error) {
      failure = error as Error;
      stream.close();
    }
  });
  // The server has said its last word; our half would keep the stream open.
  stream.on('end', () => stream.close());
  stream.on('error', (error) => {
    failure ??= error;
  });
  stream.on('close', () =>
    events.closed(status === null ? new GrpcError(GrpcCode.unavailable, failure?.message ?? 'the connection was lost') : status),
  );
  return {
    send: (message) => void (stream.destroyed || stream.write(encodeFrame(message))),
    end: () => stream.end(),
    cancel: () => stream.close(),
  };
}

/** One request, one answer. @throws GrpcError */
export function callUnary(
  session: ClientHttp2Session,
  path: string,
  headers: Readonly<Record<string, string>>,
  request: Uint8Array,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    let answer: Uint8Array | undefined;
    const call = openCall(session, path, headers, {
      message(message) {
        answer ??= message;
      },
      closed(error) {
        if (error !== undefined) reject(error);
        else if (answer === undefined) reject(new GrpcError(GrpcCode.internal, 'the server ended the call without an answer'));
        else resolve(answer);
      },
    });
    call.send(request);
    call.end();
  });
}
