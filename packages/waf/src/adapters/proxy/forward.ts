import type { ClientRequest, IncomingMessage, RequestOptions, ServerResponse } from 'node:http';
import { type Agent, request as httpRequest } from 'node:http';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream';
import type { Settings } from '../../engine/compile/settings.ts';
import type { ProxySettings } from './settings.ts';

/** RFC 9110 §7.6.1: fields about one connection; Connection names further ones. */
const hopByHop = new Set(['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade']);

/** Send one request on and its response back, both as they come. */
export function forward(
  request: IncomingMessage,
  response: ServerResponse,
  settings: ProxySettings,
  { disablesBackendCompression, serverSignature }: Pick<Settings, 'disablesBackendCompression' | 'serverSignature'>,
  agent: Agent,
): void {
  const headers = requestHeaders(request, settings, disablesBackendCompression);
  // What had a body has one again; its length or chunking is the client's (RFC 9112 §6.3).
  if (request.headers['transfer-encoding'] !== undefined) headers.push('Transfer-Encoding', 'chunked');
  const outgoing = httpRequest({ ...target(request, settings, agent), headers: headers as unknown as readonly string[] });
  outgoing.on('response', (answer) => {
    response.writeHead(answer.statusCode!, answer.statusMessage ?? '', responseHeaders(answer, serverSignature));
    pipeline(answer, response, () => {});
  });
  outgoing.on('error', (error: NodeJS.ErrnoException) => fail(response, error.message === 'timeout' ? 504 : 502));
  outgoing.setTimeout(settings.backendTimeoutMs, () => outgoing.destroy(new Error('timeout')));
  response.on('close', () => outgoing.destroy());
  // Not `pipeline`: an answer that comes before the whole request is read must still arrive.
  request.pipe(outgoing);
  request.on('aborted', () => outgoing.destroy());
}

/** Other protocols that a backend would speak after an upgrade, such as h2c, carry requests that no rule would see. */
export function isWebSocket({ headers: { upgrade } }: IncomingMessage): boolean {
  return upgrade?.toLowerCase() === 'websocket';
}

/** A WebSocket upgrade: the backend's answer and every byte after it, in both directions. */
export function forwardUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer, settings: ProxySettings): void {
  if (!isWebSocket(request)) {
    socket.end('HTTP/1.1 501 Not Implemented\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
    return;
  }
  const headers = requestHeaders(request, settings);
  headers.push('Connection', 'Upgrade', 'Upgrade', 'websocket');
  const outgoing: ClientRequest = httpRequest({
    ...target(request, settings, undefined),
    headers: headers as unknown as readonly string[],
  });
  const close = (): void => {
    socket.destroy();
    outgoing.destroy();
  };
  outgoing.on('upgrade', (answer, backend, first) => {
    socket.write(renderHead(answer, answer.rawHeaders));
    if (first.length > 0) socket.write(first);
    if (head.length > 0) backend.write(head);
    pipeline(socket, backend, socket, () => {
      backend.destroy();
      socket.destroy();
    });
  });
  outgoing.on('response', (answer) => {
    socket.write(renderHead(answer, [...responseHeaders(answer, undefined), 'Connection', 'close']));
    pipeline(answer, socket, close);
  });
  outgoing.on('error', () => socket.end('HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'));
  outgoing.setTimeout(settings.backendTimeoutMs, close);
  outgoing.once('upgrade', () => outgoing.setTimeout(0));
  socket.on('error', close);
  outgoing.end();
}

function target({ method, url }: IncomingMessage, { backend }: ProxySettings, agent: Agent | undefined): RequestOptions {
  // Absolute form (RFC 9112 §3.2.2): the authority is ours, only the path goes on. Nothing is decoded or normalised.
  const path = (url ?? '/').replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '');
  return {
    host: backend.hostname.replace(/^\[|\]$/g, ''),
    port: backend.port || 80,
    method: method ?? 'GET',
    path: `${backend.pathname.replace(/\/$/, '')}${path.startsWith('/') || path === '*' ? path : `/${path}`}`,
    setHost: false,
    ...(agent ? { agent } : { agent: false }),
  };
}

/** The client's fields as sent, in order, and who it was (X-Forwarded-*). A flat list: name, value, name, value. */
function requestHeaders(request: IncomingMessage, { backend, isHostPreserved }: ProxySettings, isUncompressed = false): string[] {
  const dropped = droppedBy(request);
  const headers: string[] = [];
  for (let i = 0; i + 1 < request.rawHeaders.length; i += 2) {
    const name = request.rawHeaders[i]!.toLowerCase();
    // SecDisableBackendCompression: rules can only read what is not packed.
    if (isUncompressed && name === 'accept-encoding') continue;
    if (dropped.has(name) || name === 'x-forwarded-for' || (name === 'host' && !isHostPreserved)) continue;
    headers.push(request.rawHeaders[i]!, request.rawHeaders[i + 1]!);
  }
  if (!isHostPreserved || request.headers.host === undefined) headers.push('Host', backend.host);
  const before = request.headers['x-forwarded-for'];
  const client = (request.socket.remoteAddress ?? '').replace(/^::ffff:/, '');
  headers.push('X-Forwarded-For', before === undefined ? client : `${[before].flat().join(', ')}, ${client}`);
  if (request.headers['x-forwarded-host'] === undefined && request.headers.host !== undefined)
    headers.push('X-Forwarded-Host', request.headers.host);
  return headers;
}

function responseHeaders(answer: IncomingMessage, signature: string | undefined): string[] {
  const dropped = new Set([...droppedBy(answer), ...(signature === undefined ? [] : ['server'])]);
  const headers: string[] = signature === undefined ? [] : ['Server', signature];
  for (let i = 0; i + 1 < answer.rawHeaders.length; i += 2)
    if (!dropped.has(answer.rawHeaders[i]!.toLowerCase())) headers.push(answer.rawHeaders[i]!, answer.rawHeaders[i + 1]!);
  return headers;
}

function droppedBy({ headers }: IncomingMessage): ReadonlySet<string> {
  const named = (headers.connection ?? '').split(',').map((name) => name.trim().toLowerCase());
  // A client must not have the length or the host taken off by naming them.
  return new Set([...hopByHop, ...named.filter((name) => name !== 'content-length' && name !== 'host')]);
}

function renderHead({ statusCode, statusMessage }: IncomingMessage, headers: readonly string[]): string {
  const lines = [`HTTP/1.1 ${statusCode} ${statusMessage}`];
  for (let i = 0; i + 1 < headers.length; i += 2) lines.push(`${headers[i]}: ${headers[i + 1]}`);
  return `${lines.join('\r\n')}\r\n\r\n`;
}

function fail(response: ServerResponse, status: 502 | 504): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const text = status === 504 ? 'Gateway Timeout\n' : 'Bad Gateway\n';
  response.writeHead(status, { 'Content-Type': 'text/plain', 'Content-Length': text.length });
  response.end(text);
}
