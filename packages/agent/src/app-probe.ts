/**
 * The kubelet's probes of the application (variable ISTIO_KUBE_APP_PROBERS, by path), asked from inside the pod: from the address that
 * interception lets through, so that they need no certificate.
 */
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { connect } from 'node:net';
import { checkHealth } from './grpc-health.ts';
import type { Answer } from './status.ts';

interface Prober {
  readonly httpGet?: {
    readonly path?: string;
    readonly port: number;
    readonly scheme?: string;
    readonly httpHeaders?: readonly { readonly name: string; readonly value: string }[];
  };
  readonly tcpSocket?: { readonly port: number };
  readonly grpc?: { readonly port: number; readonly service?: string };
  readonly timeoutSeconds?: number;
}

export interface AppPlace {
  /** The pod's own. */
  readonly address: string;
  /** Ours, towards the application. */
  readonly source: string;
}

/** @throws Error when the variable cannot be read: a pod whose probes answer nothing would never be ready */
export function appProbeRoutes(text: string | undefined, place: AppPlace): ReadonlyMap<string, Answer> {
  const probers = JSON.parse(text ?? '{}') as Readonly<Record<string, Prober>>;
  return new Map(
    Object.entries(probers).map(([path, prober]): [string, Answer] => [
      path,
      (_, response) => {
        probe(prober, place).then(
          (status) => response.writeHead(status).end(),
          (error: Error) => response.writeHead(500).end(`${error.message}\n`),
        );
      },
    ]),
  );
}

/** @returns the status to pass on */
async function probe({ httpGet, tcpSocket, grpc, timeoutSeconds = 1 }: Prober, place: AppPlace): Promise<number> {
  const signal = AbortSignal.timeout(timeoutSeconds * 1000);
  if (httpGet !== undefined) return get(httpGet, place, signal);
  if (tcpSocket !== undefined) return dial(tcpSocket.port, place, signal);
  if (grpc !== undefined) return (await checkHealth(grpc.port, grpc.service ?? '', place, signal)) ? 200 : 503;
  return 404;
}

function get(action: NonNullable<Prober['httpGet']>, { address, source }: AppPlace, signal: AbortSignal): Promise<number> {
  const isTls = action.scheme === 'HTTPS';
  const options = {
    host: address,
    port: action.port,
    path: action.path?.startsWith('/') ? action.path : `/${action.path ?? ''}`,
    localAddress: source,
    agent: false as const,
    signal,
    headers: {
      'user-agent': 'kube-probe/1.34',
      accept: '*/*',
      connection: 'close',
      ...Object.fromEntries((action.httpHeaders ?? []).map(({ name, value }) => [name.toLowerCase(), value])),
    },
  };
  return new Promise((resolve, reject) => {
    const answered = (response: { statusCode?: number | undefined; resume(): void }) => {
      response.resume();
      resolve(response.statusCode ?? 500);
    };
    // Whether the server answers is asked, not who it is: as the kubelet does.
    const sent = isTls ? requestHttps({ ...options, rejectUnauthorized: false }, answered) : requestHttp(options, answered);
    sent.on('error', reject).end();
  });
}

function dial(port: number, { address, source }: AppPlace, signal: AbortSignal): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address, port, localAddress: source });
    signal.addEventListener('abort', () => socket.destroy(new Error('no connection in time')));
    socket.on('error', reject);
    socket.on('connect', () => {
      socket.destroy();
      resolve(200);
    });
  });
}
