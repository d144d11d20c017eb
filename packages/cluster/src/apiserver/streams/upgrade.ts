import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { badRequest, type KubernetesObject, unknownResource } from '@palisade/kubernetes';
import { type WebSocket, WebSocketServer } from 'ws';
import type { ExecOptions } from '../../contract.ts';
import { admitConnection, type ConnectionOptions } from '../admission/subresource.ts';
import { authenticate } from '../auth/authenticate.ts';
import type { HttpContext } from '../http/context.ts';
import { parseRequestPath } from '../http/request-info.ts';
import { statusOf } from '../http/respond.ts';
import { authorizeResource, scopeOf } from '../http/router.ts';
import { getObject } from '../registry/read.ts';
import { CHANNEL_PROTOCOLS, channelTransport } from './channel-socket.ts';
import { runSession } from './exec-session.ts';
import type { ExecTransport } from './exec-transport.ts';
import { kubeletOf, pickContainer } from './pod-target.ts';
import { PORT_FORWARD_PROTOCOL, servePortForward } from './port-forward.ts';
import { socketDuplex } from './socket-duplex.ts';
import { SPDY_EXEC_PROTOCOLS, spdyTransport } from './spdy-exec.ts';

/** A request to leave HTTP: exec, attach, port-forward. Refusals are a Status; the client shows its text. Never rejects. */
export async function routeUpgrade(context: HttpContext, req: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
  socket.on('error', () => socket.destroy());
  try {
    await upgrade(context, req, socket, head);
  } catch (error) {
    refuse(socket, error);
  }
}

function refuse(socket: Duplex, error: unknown): void {
  if (socket.destroyed) return;
  const status = statusOf(error);
  const body = JSON.stringify(status);
  socket.end(
    `HTTP/1.1 ${status.code ?? 500} ${status.reason ?? 'Error'}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

async function upgrade(context: HttpContext, req: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
  const url = new URL(req.url ?? '/', 'https://palisade');
  const user = await authenticate(req, context.tokens, context.authorizer);
  const info = parseRequestPath(url.pathname);
  if (info === undefined || !info.isResource)
    throw badRequest(`Cannot upgrade ${JSON.stringify(url.pathname)}: only exec, attach and portforward of a pod can`);
  authorizeResource(context, user, req.method === 'POST' ? 'create' : 'get', info);
  const scope = scopeOf(context, user, info, 'get', url.searchParams, false, () => {});
  if (scope.resource.storeType !== 'pods' || !isStream(scope.subresource)) throw unknownResource();
  const options = await admitConnection(context.core, scope, OPTIONS[scope.subresource], url.searchParams);
  const pod = (await getObject(context.core, scope)).object;
  const wire: Wire = { req, socket, head };
  if (scope.subresource === 'portforward') {
    const kubelet = kubeletOf(context, pod);
    const tunnel = await openTunnel(wire);
    servePortForward(tunnel, kubelet, scope.namespace, scope.name);
    return;
  }
  await execOrAttach(context, wire, options, pod, scope.subresource);
}

const OPTIONS = { exec: 'PodExecOptions', attach: 'PodAttachOptions', portforward: 'PodPortForwardOptions' } as const;

const isStream = (subresource: string): subresource is keyof typeof OPTIONS => Object.hasOwn(OPTIONS, subresource);

interface Wire {
  readonly req: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
}

async function execOrAttach(
  context: HttpContext,
  wire: Wire,
  asked: ConnectionOptions,
  pod: KubernetesObject,
  kind: 'exec' | 'attach',
): Promise<void> {
  const { command = [], tty = false, stdin = false } = asked;
  if (kind === 'exec' && command.length === 0) throw badRequest('you must specify at least one command for the container');
  const phase = pod['status']?.phase;
  if (phase === 'Succeeded' || phase === 'Failed') {
    throw badRequest(`cannot exec into a container in a completed pod; current phase is ${phase}`);
  }
  const container = pickContainer(pod, asked.container ?? '');
  const kubelet = kubeletOf(context, pod);
  const options: ExecOptions = { container, command, tty, stdin };
  const transport = await accept(wire, asked);
  const [namespace, name] = [pod.metadata.namespace!, pod.metadata.name!];
  // Started after the handshake: nothing the process writes can come before there is somebody to read it.
  const start = () => (kind === 'exec' ? kubelet.exec(namespace, name, options) : kubelet.attach(namespace, name, options));
  await runSession(start, transport);
}

async function accept(wire: Wire, { stdin, stdout, stderr, tty }: ConnectionOptions): Promise<ExecTransport> {
  const { req, socket } = wire;
  if (isWebSocket(req)) {
    const offered = (req.headers['sec-websocket-protocol'] ?? '').split(',').map((text) => text.trim());
    return channelTransport(await acceptWebSocket(wire, choose(offered, CHANNEL_PROTOCOLS)));
  }
  const protocol = choose(spdyOffers(req), SPDY_EXEC_PROTOCOLS);
  switchToSpdy(wire, protocol);
  const wanted = ['error', ...(stdin ? ['stdin'] : []), ...(stdout ? ['stdout'] : []), ...(tty ? ['resize'] : stderr ? ['stderr'] : [])];
  return spdyTransport(socket, wanted);
}

/** @throws StatusError 400 when nothing offered is served */
function choose(offered: readonly string[], served: readonly string[]): string {
  const protocol = served.find((candidate) => offered.includes(candidate));
  if (protocol !== undefined) return protocol;
  throw badRequest(`unable to upgrade: no protocol in common: offered ${offered.join(', ') || 'none'}, served ${served.join(', ')}`);
}

function spdyOffers(req: IncomingMessage): string[] {
  if (req.headers.upgrade?.toLowerCase() !== 'spdy/3.1') {
    throw badRequest(`unable to upgrade: unknown protocol ${JSON.stringify(req.headers.upgrade ?? '')}: served are websocket and SPDY/3.1`);
  }
  return ([] as string[])
    .concat(req.headers['x-stream-protocol-version'] ?? [])
    .flatMap((text) => text.split(','))
    .map((text) => text.trim())
    .filter((text) => text !== '');
}

function switchToSpdy({ socket, head }: Wire, protocol: string): void {
  if (head.length > 0) socket.unshift(head);
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: ${protocol}\r\n\r\n`,
  );
}

function isWebSocket(req: IncomingMessage): boolean {
  return req.headers.upgrade?.toLowerCase() === 'websocket';
}

/** The byte stream SPDY runs over: inside WebSocket messages (kubectl 1.31 on) or the connection itself. */
async function openTunnel(wire: Wire): Promise<Duplex> {
  if (isWebSocket(wire.req)) {
    const offered = wire.req.headers['sec-websocket-protocol'] ?? '';
    if (!offered.split(',').some((text) => text.trim() === PORT_FORWARD_PROTOCOL)) {
      throw badRequest(`unable to upgrade: sub-protocol ${JSON.stringify(offered)} offered, ${PORT_FORWARD_PROTOCOL} served`);
    }
    return socketDuplex(await acceptWebSocket(wire, PORT_FORWARD_PROTOCOL));
  }
  const offered = spdyOffers(wire.req);
  if (!offered.includes('portforward.k8s.io'))
    throw badRequest(`unable to upgrade: protocol ${offered.join(', ')} offered, portforward.k8s.io served`);
  switchToSpdy(wire, 'portforward.k8s.io');
  return wire.socket;
}

/** No single message of these protocols is near this. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

/** `ws` refuses sub-protocols with a slash, so it never sees the header: the answer's is written by us. */
function acceptWebSocket({ req, socket, head }: Wire, protocol: string): Promise<WebSocket> {
  delete req.headers['sec-websocket-protocol'];
  const server = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE_BYTES, perMessageDeflate: false, clientTracking: false });
  server.on('headers', (headers) => headers.push(`Sec-WebSocket-Protocol: ${protocol}`));
  return new Promise((resolve, reject) => {
    socket.once('close', () => reject(new Error('the client went away')));
    server.handleUpgrade(req, socket, head, resolve);
  });
}
