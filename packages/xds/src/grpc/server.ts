/** The server's side of gRPC on node:http2: enough for our own services, without compression. */
import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { createFrameReader, encodeFrame } from './frames.ts';
import { encodeMessage, GrpcCode, GrpcError } from './status.ts';

/** One call being answered. */
export interface ServerCall {
  readonly headers: IncomingHttpHeaders;
  readonly stream: ServerHttp2Stream;
  send(message: Uint8Array): void;
  /** Ends it; the default is success. */
  end(code?: number, message?: string): void;
}

export interface CallHandler {
  message(message: Uint8Array): void;
  /** The client has said all it will say. */
  halfClosed?(): void;
  /** Nothing can be sent any more. Called once. */
  closed?(): void;
}

/** By path: `/package.Service/Method`. */
export type GrpcMethods = Readonly<Record<string, (call: ServerCall) => CallHandler>>;

const defaultMaxBytes = 16 * 1024 * 1024;

/** @returns a listener for the `stream` event of an HTTP/2 server */
export function createGrpcHandler(methods: GrpcMethods, maxBytes = defaultMaxBytes) {
  return (stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void => {
    stream.on('error', () => {});
    const path = headers[':path'] ?? '';
    const isGrpc = headers[':method'] === 'POST' && String(headers['content-type'] ?? '').startsWith('application/grpc');
    if (!isGrpc) {
      stream.respond({ ':status': 415 }, { endStream: true });
      return;
    }
    const method = Object.hasOwn(methods, path) ? methods[path] : undefined;
    let isEnded = false;
    let hasResponded = false;
    const end = (code: number = GrpcCode.ok, message = '') => {
      if (isEnded || stream.destroyed) return;
      isEnded = true;
      const trailers = { 'grpc-status': String(code), ...(message === '' ? {} : { 'grpc-message': encodeMessage(message) }) };
      if (!hasResponded) {
        stream.respond({ ':status': 200, 'content-type': 'application/grpc', ...trailers }, { endStream: true });
        return;
      }
      stream.once('wantTrailers', () => stream.sendTrailers(trailers));
      stream.end();
    };
    const begin = () => {
      if (hasResponded) return;
      hasResponded = true;
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    };
    if (method === undefined) {
      end(GrpcCode.unimplemented, `no method ${path}`);
      return;
    }
    const call: ServerCall = {
      headers,
      stream,
      send(message) {
        if (isEnded || stream.destroyed) return;
        begin();
        stream.write(encodeFrame(message));
      },
      end,
    };
    const handler = method(call);
    const read = createFrameReader(maxBytes, (message) => handler.message(message));
    stream.on('data', (chunk: Buffer) => {
      try {
        read(chunk);
      } catch (error) {
        end(error instanceof GrpcError ? error.code : GrpcCode.invalidArgument, (error as Error).message);
        if (!stream.destroyed) stream.close(constants.NGHTTP2_NO_ERROR);
      }
    });
    stream.on('end', () => handler.halfClosed?.());
    stream.on('close', () => handler.closed?.());
  };
}

/** A method with one request and one answer. A thrown GrpcError becomes its status; anything else is an internal error without details. */
export function unary(answer: (request: Uint8Array, call: ServerCall) => Promise<Uint8Array>): (call: ServerCall) => CallHandler {
  return (call) => {
    let isAnswering = false;
    return {
      message(request) {
        if (isAnswering) return;
        isAnswering = true;
        answer(request, call).then(
          (response) => {
            call.send(response);
            call.end();
          },
          (error) =>
            error instanceof GrpcError
              ? call.end(error.code, error.message)
              : call.end(GrpcCode.internal, 'the request could not be answered'),
        );
      },
    };
  };
}
