// A process in a pod's namespace for kernel.test.ts: listens on ports and opens connections as it is told, one JSON line each.
import { createSocket } from 'node:dgram';
import { createServer, connect as dial, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

type Command =
  | { readonly id: number; readonly op: 'listen'; readonly ports: readonly number[] }
  | { readonly id: number; readonly op: 'tcp' | 'udp'; readonly host: string; readonly port: number; readonly timeoutMs: number }
  /** Keeps a connection open and answers when it ends, writing to it meanwhile. */
  | { readonly id: number; readonly op: 'hold'; readonly host: string; readonly port: number };

const say = (value: unknown) => process.stdout.write(`${JSON.stringify(value)}\n`);

async function listen(ports: readonly number[]): Promise<void> {
  for (const port of ports) {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.on('close', () => say({ event: 'server-closed', port }));
      socket.write('hello');
      socket.resume();
    });
    await new Promise<void>((resolve) => server.listen(port, '::', resolve));
    const udp = createSocket({ type: 'udp6' });
    udp.on('message', (_message, from) => udp.send('hello', from.port, from.address));
    await new Promise<void>((resolve) => udp.bind(port, '::', resolve));
  }
}

/** Resolves true when the other side said hello. */
function tcp(host: string, port: number, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket: Socket = dial({ host, port });
    const end = (result: boolean) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(result);
    };
    const timer = setTimeout(() => end(false), timeoutMs);
    socket.on('data', () => end(true));
    socket.on('error', () => end(false));
  });
}

function udp(host: string, port: number, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    const end = (result: boolean) => {
      clearTimeout(timer);
      socket.close();
      resolve(result);
    };
    const timer = setTimeout(() => end(false), timeoutMs);
    socket.on('message', () => end(true));
    socket.on('error', () => end(false));
    socket.send('hello', port, host);
  });
}

function hold(id: number, host: string, port: number): void {
  const socket = dial({ host, port });
  const writer = setInterval(() => socket.write('x'), 20);
  let code = '';
  socket.on('data', () => say({ id, event: 'open' }));
  socket.on('error', (error: NodeJS.ErrnoException) => {
    code = error.code ?? '';
  });
  socket.on('close', () => {
    clearInterval(writer);
    say({ id, event: 'ended', code });
  });
}

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line) as Command;
  if (command.op === 'listen') await listen(command.ports).then(() => say({ id: command.id, result: true }));
  else if (command.op === 'hold') hold(command.id, command.host, command.port);
  else {
    const probe = command.op === 'tcp' ? tcp : udp;
    probe(command.host, command.port, command.timeoutMs).then(
      (result) => say({ id: command.id, result }),
      (error: unknown) => say({ id: command.id, error: String(error) }),
    );
  }
}
