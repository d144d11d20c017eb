/** A load generator and an application on raw sockets, cheap enough to stay out of the way. */
import { connect, createServer, type Server, type Socket } from 'node:net';

export interface Load {
  readonly port: number;
  readonly connections: number;
  readonly requests: number;
  readonly method: 'GET' | 'POST';
  readonly bodyBytes: number;
  readonly responseBytes: number;
}

const filler = Array.from({ length: 9 }, (_, i) => `x-bench-${i}: ${'v'.repeat(32)}\r\n`).join('');

/** Answers every request whose body has arrived with as many bytes as its path says. */
export function startApplication(): Promise<Server> {
  const answers = new Map<number, Buffer>();
  const answer = (bytes: number) => {
    let found = answers.get(bytes);
    if (found === undefined) {
      found = Buffer.from(
        `HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\ndate: Thu, 01 Jan 2026 00:00:00 GMT\r\ncontent-length: ${bytes}\r\n\r\n${'r'.repeat(bytes)}`,
      );
      answers.set(bytes, found);
    }
    return found;
  };
  const server = createServer({ noDelay: true }, (socket) => {
    let waiting = '';
    let bodyLeft = 0;
    let size = 0;
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      let text = chunk.toString('latin1');
      for (;;) {
        if (bodyLeft > 0) {
          const taken = Math.min(bodyLeft, text.length);
          bodyLeft -= taken;
          text = text.slice(taken);
          if (bodyLeft > 0) return;
          socket.write(answer(size));
        }
        waiting += text;
        const end = waiting.indexOf('\r\n\r\n');
        if (end === -1) return;
        const head = waiting.slice(0, end);
        text = waiting.slice(end + 4);
        waiting = '';
        size = Number(/ \/(\d+)/.exec(head)?.[1] ?? 200);
        bodyLeft = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0);
        if (bodyLeft === 0) {
          socket.write(answer(size));
          if (text === '') return;
        }
      }
    });
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

/** Keeps every connection busy with one request at a time. @returns answers that were not 200 */
export function runLoad({ port, connections, requests, method, bodyBytes, responseBytes }: Load): Promise<number> {
  const length = bodyBytes > 0 ? `content-length: ${bodyBytes}\r\n` : '';
  const message = Buffer.from(
    `${method} /${responseBytes} HTTP/1.1\r\nhost: app.example\r\nuser-agent: bench\r\naccept: */*\r\n${filler}${length}\r\n${'b'.repeat(bodyBytes)}`,
  );
  let left = requests;
  let bad = 0;
  const one = () =>
    new Promise<void>((resolve, reject) => {
      const socket: Socket = connect({ port, host: '127.0.0.1', noDelay: true });
      let waiting = '';
      let bodyLeft = 0;
      const next = () => {
        if (left-- > 0) socket.write(message);
        else {
          socket.destroy();
          resolve();
        }
      };
      socket.on('connect', next);
      socket.on('error', reject);
      socket.on('close', () => resolve());
      socket.on('data', (chunk) => {
        if (bodyLeft > 0) bodyLeft -= chunk.length;
        else {
          waiting += chunk.toString('latin1');
          const end = waiting.indexOf('\r\n\r\n');
          if (end === -1) return;
          if (!waiting.startsWith('HTTP/1.1 200')) bad++;
          bodyLeft = Number(/\r\ncontent-length: (\d+)/i.exec(waiting)?.[1] ?? 0) - (waiting.length - end - 4);
          waiting = '';
        }
        if (bodyLeft <= 0) {
          bodyLeft = 0;
          next();
        }
      });
    });
  return Promise.all(Array.from({ length: connections }, one)).then(() => bad);
}
