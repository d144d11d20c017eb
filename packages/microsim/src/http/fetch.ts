/** One HTTP request on a connection of its own, with the original's limit of 3 s. Redirects are not followed. */
import { connect } from 'node:net';
import { type BodyReader, createBodyReader } from './body.ts';
import { type Head, parseHead } from './head.ts';

export interface FetchRequest {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly body?: string;
}

export interface FetchResponse {
  readonly status: number;
  readonly headers: Head['headers'];
  readonly body: Buffer;
}

export interface FetchOptions {
  /** Name to address; rejects an address that must not be contacted. */
  readonly resolve: (host: string) => Promise<string>;
  readonly timeoutMs: number;
}

const maxBodyBytes = 64 * 1024 * 1024;

/** Resolves with any answer, whatever its status; rejects when there is none. */
export async function fetchOnce(request: FetchRequest, options: FetchOptions): Promise<FetchResponse> {
  const url = new URL(request.url);
  const deadline = AbortSignal.timeout(options.timeoutMs);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const address = await Promise.race([options.resolve(host), expiry(deadline, options.timeoutMs)]);
  return exchange(address, Number(url.port || 80), renderRequest(request, url), deadline, options.timeoutMs);
}

function renderRequest(request: FetchRequest, url: URL): string {
  const body = request.body ?? '';
  const content = request.method === 'POST' ? `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n` : '';
  return (
    `${request.method} ${url.pathname}${url.search} HTTP/1.1\r\nHost: ${url.host}\r\nUser-Agent: microsim\r\nAccept: */*\r\n` +
    `${content}Connection: close\r\n\r\n${body}`
  );
}

function expiry(signal: AbortSignal, timeoutMs: number): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(new Error(`timed out after ${timeoutMs} ms`)), { once: true });
  });
}

function exchange(address: string, port: number, message: string, deadline: AbortSignal, timeoutMs: number): Promise<FetchResponse> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address, port, noDelay: true });
    const contents: Buffer[] = [];
    let buffer: Buffer = Buffer.alloc(0);
    let head: Head | undefined;
    let body: BodyReader | undefined;
    const fail = (error: Error) => {
      socket.destroy();
      reject(error);
    };
    const onDeadline = () => fail(new Error(`timed out after ${timeoutMs} ms`));
    deadline.addEventListener('abort', onDeadline, { once: true });
    socket.on('connect', () => socket.write(message));
    socket.on('error', fail);
    socket.on('data', (chunk) => {
      try {
        if (head === undefined) buffer = Buffer.concat([buffer, chunk]);
        else collect(chunk);
        while (head === undefined) {
          const parsed = parseHead(buffer);
          if (parsed === undefined) return;
          if (parsed === null || !/^HTTP\/1\.[01]$/.test(parsed.start[0])) return fail(new Error('the answer is not HTTP/1'));
          buffer = buffer.subarray(parsed.end);
          // Interim answers (RFC 9110 §15.2) precede the real one.
          if (parsed.start[1].startsWith('1')) continue;
          head = parsed;
          body = createBodyReader(head.headers, parsed.start[1] === '204' ? 'empty' : 'until-close');
          collect(buffer);
        }
      } catch (error) {
        fail(error as Error);
      }
    });
    socket.on('end', () => {
      if (head === undefined) return fail(new Error('connection closed without an answer'));
      if (head.headers.has('content-length') && !body!.isComplete) return fail(new Error('connection closed in the middle of the answer'));
      finish();
    });

    function collect(chunk: Buffer) {
      contents.push(body!.read(chunk));
      if (body!.bytes > maxBodyBytes) fail(new Error(`the answer is over ${maxBodyBytes} bytes`));
      else if (body!.isComplete) finish();
    }

    function finish() {
      deadline.removeEventListener('abort', onDeadline);
      socket.destroy();
      resolve({ status: Number(head!.start[1]), headers: head!.headers, body: Buffer.concat(contents) });
    }
  });
}
