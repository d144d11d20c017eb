import { spawn } from 'node:child_process';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { internalError } from '@palisade/kubernetes';
import type { ExecSession, Kubelet } from '../../contract.ts';

/** A kubelet for tests: exec is a process of this machine, port-forward a connection to 127.0.0.1, logs are what it is given. */
export function processKubelet(logLines: readonly string[] = []): Kubelet & { readonly running: () => number } {
  let running = 0;
  return {
    running: () => running,
    async logs(_namespace, _pod, options, signal) {
      const lines = options.tailLines === undefined ? logLines : logLines.slice(-options.tailLines);
      const text = lines.map((line) => `${line}\n`).join('');
      if (!options.follow) return Readable.from([Buffer.from(text)]);
      const stream = new Readable({ read: () => {} });
      stream.push(text);
      signal.addEventListener('abort', () => stream.destroy());
      return stream;
    },
    async exec(_namespace, _pod, { command, stdin, tty }) {
      const child = spawn(command[0]!, command.slice(1), { stdio: ['pipe', 'pipe', 'pipe'] });
      running++;
      const { promise, resolve, reject } = Promise.withResolvers<{ exitCode: number }>();
      child.on('error', (error) => reject(internalError(`error executing command in container: ${error.message}`)));
      child.on('close', (code) => {
        running--;
        resolve({ exitCode: code ?? 137 });
      });
      if (!stdin) child.stdin.end();
      promise.catch(() => {});
      const session: ExecSession = {
        stdin: stdin ? child.stdin : null,
        stdout: child.stdout,
        stderr: tty ? null : child.stderr,
        resize: (columns, rows) => void child.stdin.write(`${columns}x${rows}\n`),
        kill: () => void child.kill('SIGKILL'),
        exit: promise,
      };
      return session;
    },
    async attach(namespace, pod, options) {
      return this.exec(namespace, pod, { ...options, command: ['cat'] });
    },
    portForward: (_namespace, _pod, port) =>
      new Promise((resolve, reject) => {
        const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true }, () => resolve(socket));
        socket.once('error', reject);
      }),
  };
}
