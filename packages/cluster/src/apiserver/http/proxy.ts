import { Agent as HttpAgent, type IncomingMessage, request as requestHttp, type ServerResponse } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { connect as connectTls } from 'node:tls';
import { serviceUnavailable } from '@palisade/kubernetes';
import { admitConnection } from '../admission/subresource.ts';
import type { Scope } from '../core.ts';
import { resolveProxyTarget } from '../network/proxy-target.ts';
import type { HttpContext } from './context.ts';
import type { RequestInfo } from './request-info.ts';

type ResourceInfo = Extract<RequestInfo, { isResource: true }>;

const OPTIONS = { pods: 'PodProxyOptions', services: 'ServiceProxyOptions' } as const;

type ProxiedInfo = ResourceInfo & { readonly resource: keyof typeof OPTIONS };

const DIAL_TIMEOUT_MS = 10_000;

/** Of this hop only (RFC 9110 §7.6.1), or proof of who asked the API server: neither goes further. */
const NOT_FORWARDED = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'authorization',
  'host',
]); // prettier-ignore

export function isProxied(info: ResourceInfo): info is ProxiedInfo {
  return info.group === '' && info.subresource === 'proxy' && Object.hasOwn(OPTIONS, info.resource);
}

/**
 * `pods/NAME/proxy/…` and `services/NAME/proxy/…`: the request as it came, to the pod or to a ready endpoint of the Service. The
 * caller has been authorised. Certificates of `https:` targets are not verified, as in the real server: pods have no names to verify.
 *
 * @throws StatusError 400, 404, 503
 */
export async function serveProxy(
  context: HttpContext,
  scope: Scope,
  info: ProxiedInfo,
  search: string,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  await admitConnection(context.core, scope, OPTIONS[info.resource], new URLSearchParams({ path: `/${info.rest}` }));
  const { scheme, host, port } = resolveProxyTarget(context.core, info.resource, info.namespace, info.name);
  const unreachable = (error: unknown) =>
    serviceUnavailable(`error trying to reach service: dial tcp ${host}:${port}: ${(error as Error).message}`);
  const raw = await context.dialAddress(host, port, DIAL_TIMEOUT_MS).catch((error: unknown) => {
    throw unreachable(error);
  });
  const prefix = info.path.slice(0, info.path.indexOf('/proxy') + '/proxy'.length);
  const headers = Object.fromEntries(
    Object.entries(req.headers).filter(([name]) => !NOT_FORWARDED.has(name) && !name.startsWith('impersonate-')),
  );
  const outgoing = (scheme === 'https' ? requestHttps : requestHttp)({
    agent: agentFor(raw, scheme),
    host,
    port,
    method: req.method,
    path: `${info.path.slice(prefix.length) || '/'}${search}`,
    headers: { ...headers, 'x-forwarded-uri': info.path, ...forwardedFor(req) },
  });
  res.once('close', () => raw.destroy());
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  outgoing.once('response', resolve);
  outgoing.once('error', reject);
  req.pipe(outgoing);
  let answer: IncomingMessage;
  try {
    answer = await promise;
  } catch (error) {
    raw.destroy();
    throw unreachable(error);
  }
  for (const [name, value] of Object.entries(answer.headers)) {
    if (value === undefined || NOT_FORWARDED.has(name)) continue;
    // A path on the target is a path below the proxy for the client.
    res.setHeader(name, name === 'location' && typeof value === 'string' && /^\/(?!\/)/.test(value) ? `${prefix}${value}` : value);
  }
  res.statusCode = answer.statusCode ?? 502;
  // Either side may go at any time; the other one's connection ends with it.
  await pipeline(answer, res).catch(() => res.destroy());
}

function forwardedFor(req: IncomingMessage): Record<string, string> {
  const peer = req.socket.remoteAddress;
  return peer === undefined ? {} : { 'x-forwarded-for': peer };
}

/** An agent that knows one connection: the one that was dialled. */
function agentFor(raw: Duplex, scheme: 'http' | 'https'): HttpAgent {
  const agent = scheme === 'https' ? new HttpsAgent() : new HttpAgent();
  agent.createConnection = () => (scheme === 'https' ? connectTls({ socket: raw, rejectUnauthorized: false }) : raw);
  return agent;
}
