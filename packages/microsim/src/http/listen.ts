/**
 * An HTTP/1.0 server on a plain socket: one request a connection, then close, as the original. `node:http` would cost each of the
 * many simulators on one machine 7 MB of private memory more.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { type BodyReader, createBodyReader } from './body.ts';
import { type Head, parseHead } from './head.ts';

export interface Request {
  readonly method: string;
  /** As written, path and query. */
  readonly target: string;
  readonly headers: Head['headers'];
  /** Without the `::ffff:` of a mapped address. */
  readonly remote: string;
  /** Content-Length as declared, else the bytes received. */
  readonly bodyBytes: number;
}

export interface Response {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** `undefined` = the method is not supported: 501. */
export type Handler = (request: Request) => Response | undefined;

const reasons: Readonly<Record<number, string>> = { 200: 'OK', 400: 'Bad Request', 413: 'Payload Too Large', 501: 'Unsupported method' };
/** A request that has not arrived whole by then is dropped. */
const requestTimeoutMs = 30_000;
const maxBodyBytes = 64 * 1024 * 1024;

/** IPv4 and IPv6. Rejects when the port is taken. */
export function listen(port: number, handler: Handler, now: () => Date, host?: string): Promise<Server> {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => serve(socket, handler, now));
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, ...(host === undefined ? {} : { host }) }, () => {
      server.off('error', reject);
      resolve(server);
    });
  });
}

function serve(socket: Socket, handler: Handler, now: () => Date) {
  let buffer: Buffer = Buffer.alloc(0);
  let head: Head | undefined;
  let body: BodyReader | undefined;
  socket.setTimeout(requestTimeoutMs, () => socket.destroy());
  socket.on('error', () => socket.destroy());
  socket.on('end', () => socket.end());
  socket.on('data', onData);

  function onData(chunk: Buffer) {
    try {
      if (head === undefined) {
        buffer = Buffer.concat([buffer, chunk]);
        const parsed = parseHead(buffer);
        if (parsed === undefined) return;
        if (parsed === null) return answer({ status: 400, type: 'text/plain', body: 'Bad request syntax\n' });
        head = parsed;
        body = createBodyReader(head.headers, 'empty');
        if (Number(head.headers.get('content-length') ?? 0) > maxBodyBytes) return tooLarge();
        if (/^100-continue$/i.test(head.headers.get('expect') ?? '') && buffer.length === head.end)
          socket.write('HTTP/1.1 100 Continue\r\n\r\n');
        chunk = buffer.subarray(head.end);
      }
      body!.read(chunk);
    } catch {
      return answer({ status: 400, type: 'text/plain', body: 'Bad request body\n' });
    }
    if (body!.bytes > maxBodyBytes) return tooLarge();
    if (body!.isComplete) finish(head, body!);
  }

  function finish(parsed: Head, read: BodyReader) {
    const [method, target] = parsed.start;
    const remote = (socket.remoteAddress ?? '').replace(/^::ffff:/, '');
    const reply = handler({ method, target, headers: parsed.headers, remote, bodyBytes: read.bytes });
    answer(reply ?? { status: 501, type: 'text/plain', body: `Unsupported method ('${method}')\n` });
  }

  function tooLarge() {
    answer({ status: 413, type: 'text/plain', body: `Request body over ${maxBodyBytes} bytes\n` });
  }

  function answer(reply: Response) {
    socket.off('data', onData);
    // What is left unread would make the kernel reset the connection under the answer.
    socket.resume();
    const head = `HTTP/1.0 ${reply.status} ${reasons[reply.status]}\r\nServer: microsim\r\nDate: ${now().toUTCString()}\r\nContent-Type: ${reply.type}\r\n\r\n`;
    socket.end(head + reply.body);
  }
}
