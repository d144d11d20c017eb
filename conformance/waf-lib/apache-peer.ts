/** Apache with ModSecurity 2.9, one process on loopback, asked over one connection at a time. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DifferentialRequest } from './differential-requests.ts';
import { toolsRoot } from './rule-sets.ts';

const modules = ['mpm_prefork', 'authz_core', 'unique_id', 'security2', 'proxy', 'proxy_http', 'reqtimeout'];

export interface ApachePeer {
  /** Ids of the rules that logged, for each request in order; undefined where Apache answered before its rules ran. */
  run(requests: readonly DifferentialRequest[]): Promise<(ReadonlySet<number> | undefined)[]>;
  close(): Promise<void>;
}

/** @returns undefined when Apache or the module is not in the cache */
export async function openApache(directives: string): Promise<ApachePeer | undefined> {
  const root = toolsRoot();
  const program = join(root, 'usr/sbin/apache2');
  if (!existsSync(program) || !existsSync(join(root, 'usr/lib/apache2/modules/mod_security2.so'))) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'waf-differential-'));
  chmodSync(folder, 0o777);
  const backend = createServer((request, response) => {
    request.resume();
    response.end('ok');
  }).listen(0, '127.0.0.1');
  await once(backend, 'listening');
  const port = await freePort();
  const audit = join(folder, 'audit.log');
  writeFileSync(join(folder, 'rules.conf'), directives, 'latin1');
  const conf = join(folder, 'httpd.conf');
  writeFileSync(
    conf,
    `ServerRoot ${folder}
DefaultRuntimeDir ${folder}
PidFile ${folder}/httpd.pid
ServerName localhost
Listen 127.0.0.1:${port}
${modules.map((name) => `LoadModule ${name}_module ${root}/usr/lib/apache2/modules/mod_${name}.so`).join('\n')}
User www-data
Group www-data
ErrorLog ${folder}/error.log
StartServers 1
MaxRequestWorkers 4
LimitRequestFieldSize 16380
LimitRequestLine 16380
AllowEncodedSlashes NoDecode
MergeSlashes Off
HttpProtocolOptions Unsafe
ProxyPass / http://127.0.0.1:${(backend.address() as AddressInfo).port}/ nocanon
SecAuditEngine On
SecAuditLog ${audit}
SecAuditLogParts ABHZ
SecAuditLogFormat JSON
SecPcreMatchLimit 1000000
SecPcreMatchLimitRecursion 1000000
SecTmpDir ${folder}
SecDataDir ${folder}
Include ${folder}/rules.conf
`,
  );
  const libraries = `${root}/usr/lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`;
  const child: ChildProcess = spawn(program, ['-f', conf, '-DFOREGROUND'], {
    env: { LD_LIBRARY_PATH: libraries, PATH: '/usr/bin:/bin' },
    stdio: ['ignore', 'ignore', 'pipe'],
    // At its end it signals its whole process group.
    detached: true,
  });
  let output = '';
  child.stderr!.on('data', (chunk) => {
    output += chunk;
  });
  const close = async (): Promise<void> => {
    if (child.exitCode === null) {
      child.kill('SIGTERM');
      await once(child, 'close');
    }
    backend.closeAllConnections();
    await new Promise((done) => backend.close(done));
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await listening(port, child, () => output);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    async run(requests) {
      for (const [index, request] of requests.entries()) await send(port, request, index);
      const found = new Map(readEntries(audit));
      return requests.map((_, index) => found.get(index));
    },
    close,
  };
}

/** Correlates requests and entries; the engines under test get it, too. */
export const NUMBER_HEADER = 'X-Request-Number';

function* readEntries(file: string): Generator<[number, ReadonlySet<number>]> {
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    if (line === '') continue;
    const entry = JSON.parse(line);
    const number = entry.request?.headers?.[NUMBER_HEADER];
    const messages: string[] = entry.audit_data?.messages ?? [];
    if (number !== undefined)
      yield [Number(number), new Set(messages.flatMap((text) => [...(/\[id "(\d+)"\]/.exec(text) ?? [])].slice(1).map(Number)))];
  }
}

function send(port: number, { method, uri, headers, body }: DifferentialRequest, number: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    const all = [
      ...headers,
      [NUMBER_HEADER, String(number)],
      ['Connection', 'close'],
      ...(body === '' ? [] : [['Content-Length', String(body.length)]]),
    ];
    socket.setTimeout(10_000, () => socket.destroy(new Error(`request ${number} has no answer in time`)));
    socket.on('connect', () =>
      socket.write(`${method} ${uri} HTTP/1.1\r\n${all.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`, 'latin1'),
    );
    socket.on('data', () => {});
    socket.on('error', (error: NodeJS.ErrnoException) => (error.code === 'ECONNRESET' ? resolve() : reject(error)));
    socket.on('close', () => resolve());
  });
}

async function freePort(): Promise<number> {
  const server = createTcpServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

async function listening(port: number, child: ChildProcess, output: () => string): Promise<void> {
  for (let attempt = 0; attempt < 200 && child.exitCode === null; attempt++) {
    const socket = connect(port, '127.0.0.1');
    const isOpen = await new Promise<boolean>((resolve) => socket.once('connect', () => resolve(true)).once('error', () => resolve(false)));
    socket.destroy();
    if (isOpen) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`Apache does not listen: ${output()}`);
}
