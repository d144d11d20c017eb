import { request as httpRequest, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { connect as tlsConnect } from 'node:tls';
import type { Container, Handler, HttpGetAction, Probe } from '../pod-types.ts';
import { checkGrpcHealth } from './grpc.ts';

export interface AttemptResult {
  readonly isSuccess: boolean;
  /** Ends the sentence `Readiness probe failed: …`. */
  readonly message: string;
}

/** What a probe or lifecycle hook reaches a container through. */
export interface ProbeAccess {
  readonly container: Container;
  readonly podIP: string;
  /** From the node's own namespace, as kubelet's probes come. */
  connect(host: string, port: number, timeoutMs: number): Promise<Duplex>;
  /** Ends with the program's exit code and what it printed; killed at the timeout. */
  exec(command: readonly string[], timeoutMs: number): Promise<{ exitCode: number; output: string; hasTimedOut: boolean }>;
}

/** Bytes of an answer or of a program's output that a message may quote. */
const QUOTED = 1024;

/** One try of a probe. Never throws. */
export async function attemptProbe(access: ProbeAccess, probe: Probe): Promise<AttemptResult> {
  const timeoutMs = (probe.timeoutSeconds ?? 1) * 1000;
  try {
    if (probe.exec) return await attemptExec(access, probe.exec.command ?? [], timeoutMs);
    if (probe.httpGet) return await attemptHttp(access, probe.httpGet, timeoutMs);
    if (probe.tcpSocket) {
      const socket = await access.connect(
        probe.tcpSocket.host || access.podIP,
        portNumber(access.container, probe.tcpSocket.port),
        timeoutMs,
      );
      socket.on('error', () => {}).destroy();
      return { isSuccess: true, message: '' };
    }
    if (probe.grpc) {
      const { port, service = '' } = probe.grpc;
      return await checkGrpcHealth(() => access.connect(access.podIP, port, timeoutMs), `${access.podIP}:${port}`, service, timeoutMs);
    }
    return { isSuccess: false, message: 'missing probe handler' };
  } catch (error) {
    return { isSuccess: false, message: (error as Error).message };
  }
}

/** postStart and preStop. @throws Error when it failed */
export async function runHook(access: ProbeAccess, hook: Handler, timeoutMs: number, sleep: (ms: number) => Promise<void>): Promise<void> {
  if (hook.sleep) return sleep(Math.min(hook.sleep.seconds * 1000, timeoutMs));
  if (hook.exec) {
    const result = await access.exec(hook.exec.command ?? [], timeoutMs);
    if (result.hasTimedOut || result.exitCode !== 0) {
      throw new Error(
        `Exec lifecycle hook (${(hook.exec.command ?? []).join(' ')}) failed - error: command exited with ${result.exitCode}: ${result.output}`,
      );
    }
  }
  // Any answer will do for a hook.
  if (hook.httpGet) await get(access, hook.httpGet, timeoutMs);
}

async function attemptExec(access: ProbeAccess, command: readonly string[], timeoutMs: number): Promise<AttemptResult> {
  const { exitCode, output, hasTimedOut } = await access.exec(command, timeoutMs);
  if (hasTimedOut) return { isSuccess: false, message: `command timed out: "${command.join(' ')}" timed out after ${timeoutMs / 1000}s` };
  return { isSuccess: exitCode === 0, message: output.slice(0, QUOTED) };
}

async function attemptHttp(access: ProbeAccess, action: HttpGetAction, timeoutMs: number): Promise<AttemptResult> {
  const status = await get(access, action, timeoutMs);
  // Redirects count as success; following them could lead to another host.
  const isSuccess = status >= 200 && status < 400;
  return { isSuccess, message: isSuccess ? '' : `HTTP probe failed with statuscode: ${status}` };
}

async function get(access: ProbeAccess, action: HttpGetAction, timeoutMs: number): Promise<number> {
  const host = action.host || access.podIP;
  const port = portNumber(access.container, action.port);
  const isTls = action.scheme === 'HTTPS';
  const authority = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const path = action.path?.startsWith('/') ? action.path : `/${action.path ?? ''}`;
  const url = `${isTls ? 'https' : 'http'}://${authority}${path}`;
  const headers: Record<string, string | string[]> = {
    host: authority,
    'user-agent': 'kube-probe/1.34',
    accept: '*/*',
    connection: 'close',
  };
  for (const { name, value } of action.httpHeaders ?? []) headers[name.toLowerCase()] = value;
  const deadline = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => deadline.reject(new Error(`Get "${url}": context deadline exceeded (Client.Timeout exceeded while awaiting headers)`)),
    timeoutMs,
  );
  let transport: Duplex | undefined;
  try {
    const opening = access.connect(host, port, timeoutMs);
    const raw = await Promise.race([opening, deadline.promise]).catch((error: Error) => {
      void opening.then((late) => late.destroy()).catch(() => {});
      throw new Error(error.message.startsWith('Get ') ? error.message : `Get "${url}": dial tcp ${authority}: ${error.message}`);
    });
    // A probe asks whether the server answers, not who it is: kubelet does not verify either.
    transport = isTls ? tlsConnect({ socket: raw, rejectUnauthorized: false }) : raw;
    transport.on('error', () => {});
    return await Promise.race([exchange(transport, path, headers, url), deadline.promise]);
  } finally {
    clearTimeout(timer);
    deadline.promise.catch(() => {});
    transport?.destroy();
  }
}

function exchange(transport: Duplex, path: string, headers: Record<string, string | string[]>, url: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ createConnection: () => transport, path, headers, method: 'GET', setHost: false });
    request.on('response', (response: IncomingMessage) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    request.on('error', (error) => reject(new Error(`Get "${url}": ${error.message}`)));
    request.end();
  });
}

/** A number, or the name of one of the container's ports. */
export function portNumber(container: Container, port: number | string): number {
  if (typeof port === 'number') return port;
  if (/^\d+$/.test(port)) return Number(port);
  const named = container.ports?.find(({ name }) => name === port);
  if (named === undefined) throw new Error(`couldn't find port: "${port}" in container "${container.name}"`);
  return named.containerPort;
}
