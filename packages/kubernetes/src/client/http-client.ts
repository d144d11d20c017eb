import { readFileSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import * as http from 'node:http';
import * as https from 'node:https';
import type { Readable } from 'node:stream';
import type { GroupVersionResource, KubernetesObject } from '../object.ts';
import { type Status, StatusError } from '../status.ts';
import type { ApiClient, ObjectList, WatchEvent, WatchOptions } from './api-client.ts';
import { type ExecPlugin, type ExecToken, runExecPlugin } from './exec-credential.ts';
import { splitLines } from './json-lines.ts';
import type { ClusterAccess } from './kubeconfig.ts';
import { deleteBody, listQuery, resourcePath, watchQuery, writeQuery } from './resource-path.ts';

export interface RawRequest {
  method?: string;
  /** Absolute path, already encoded, without query. */
  path: string;
  query?: Record<string, string>;
  headers?: Record<string, string>;
  body?: string | Uint8Array | Readable;
  signal?: AbortSignal;
  /** Silence allowed before the answer's headers; default 30 s. The body of a stream may stay silent for ever. */
  timeoutMs?: number;
}

export interface RawResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Must be consumed or destroyed by the caller. */
  readonly body: Readable;
}

export interface HttpApiClient extends ApiClient {
  readonly access: ClusterAccess;
  /** Any path of the server, for aggregated APIs and streams. Answers of every status are returned, not thrown. */
  request(request: RawRequest): Promise<RawResponse>;
  /** Closes idle and running connections. */
  close(): void;
}

const TOKEN_REREAD_MS = 60_000;
const MAX_ANSWER_BYTES = 512 * 1024 * 1024;

/** `ApiClient` over HTTP(S) with keep-alive connections. Failures carry the server's own Status. */
export function createHttpClient(access: ClusterAccess, options: { userAgent?: string; now?: () => number } = {}): HttpApiClient {
  const base = new URL(access.server);
  const secure = base.protocol === 'https:';
  const now = options.now ?? Date.now;
  const agent = secure ? new https.Agent({ keepAlive: true, ...tlsOptions(access) }) : new http.Agent({ keepAlive: true });
  const token = tokenSource(access, now);

  async function request(wanted: RawRequest): Promise<RawResponse> {
    const query = new URLSearchParams(wanted.query).toString();
    const path = `${base.pathname.replace(/\/$/, '')}${wanted.path}${query === '' ? '' : `?${query}`}`;
    const headers: Record<string, string> = {
      accept: 'application/json',
      'user-agent': options.userAgent ?? 'palisade',
      ...wanted.headers,
    };
    const bearer = secure ? await token() : undefined;
    // A token must never travel in the clear.
    if (bearer !== undefined) headers['authorization'] ??= `Bearer ${bearer}`;
    if (wanted.body !== undefined && isWhole(wanted.body)) headers['content-length'] = String(Buffer.byteLength(wanted.body));
    const isRepeatable = ['GET', 'HEAD', 'PUT', 'DELETE'].includes(wanted.method ?? 'GET') && isWhole(wanted.body);
    const send = (isLast: boolean): Promise<RawResponse> =>
      new Promise((resolve, reject) => {
        const outgoing = (secure ? https : http).request(
          {
            host: base.hostname.replace(/^\[|\]$/g, ''),
            port: base.port || (secure ? 443 : 80),
            method: wanted.method ?? 'GET',
            path,
            headers,
            agent,
            ...(wanted.signal ? { signal: wanted.signal } : {}),
          },
          (answer) => {
            outgoing.setTimeout(0);
            resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: answer });
          },
        );
        outgoing.on('socket', (socket) => socket.setKeepAlive(true, 30_000));
        outgoing.setTimeout(wanted.timeoutMs ?? 30_000, () =>
          outgoing.destroy(new Error(`No answer from ${access.server}${wanted.path} within ${wanted.timeoutMs ?? 30_000} ms`)),
        );
        outgoing.on('error', (error: NodeJS.ErrnoException) => {
          // The server closed the idle connection just as it was used again: nothing was answered, a fresh one will do.
          if (!isLast && isRepeatable && outgoing.reusedSocket && error.code === 'ECONNRESET') resolve(send(true));
          else reject(error);
        });
        if (isWhole(wanted.body)) outgoing.end(wanted.body);
        else wanted.body.on('error', (error) => outgoing.destroy(error)).pipe(outgoing);
      });
    return send(false);
  }

  async function json<T>(
    method: string,
    path: string,
    query: Record<string, string>,
    body?: unknown,
    contentType = 'application/json',
  ): Promise<T> {
    const answer = await request({
      method,
      path,
      query,
      ...(body === undefined ? {} : { headers: { 'content-type': contentType }, body: JSON.stringify(body) }),
    });
    const text = await readText(answer.body);
    if (answer.status >= 400) throw new StatusError(parseFailure(answer.status, text, `${method} ${path}`));
    return JSON.parse(text) as T;
  }

  async function* watch<T extends KubernetesObject>(r: GroupVersionResource, wanted: WatchOptions = {}): AsyncGenerator<WatchEvent<T>> {
    const { signal } = wanted;
    if (signal?.aborted) return;
    const path = resourcePath(r, wanted.namespace === undefined ? {} : { namespace: wanted.namespace });
    try {
      const answer = await request({ path, query: watchQuery(wanted), ...(signal ? { signal } : {}) });
      if (answer.status >= 400) throw new StatusError(parseFailure(answer.status, await readText(answer.body), `WATCH ${path}`));
      try {
        for await (const line of splitLines(answer.body)) yield JSON.parse(line) as WatchEvent<T>;
      } finally {
        answer.body.destroy();
      }
    } catch (error) {
      if (!signal?.aborted) throw error;
    }
  }

  return {
    access,
    request,
    close: () => agent.destroy(),
    watch,
    get: (r, key, subresource) => json('GET', resourcePath(r, key, subresource), {}),
    list: async (r, wanted = {}) =>
      named(await json('GET', resourcePath(r, wanted.namespace === undefined ? {} : { namespace: wanted.namespace }), listQuery(wanted))),
    create(r, object, key = {}, wanted = {}) {
      const namespace = key.namespace ?? object.metadata?.namespace;
      const target = { ...(namespace === undefined ? {} : { namespace }), ...(key.name === undefined ? {} : { name: key.name }) };
      return json('POST', resourcePath(r, target, wanted.subresource), writeQuery(wanted), object);
    },
    update(r, object, wanted = {}) {
      const { name, namespace } = object.metadata;
      const target = { ...(namespace === undefined ? {} : { namespace }), ...(name === undefined ? {} : { name }) };
      return json('PUT', resourcePath(r, target, wanted.subresource), writeQuery(wanted), object);
    },
    patch: (r, key, type, patch, wanted = {}) => json('PATCH', resourcePath(r, key, wanted.subresource), writeQuery(wanted), patch, type),
    async delete(r, key, wanted = {}) {
      await json('DELETE', resourcePath(r, key), {}, deleteBody(wanted));
    },
  };
}

function tlsOptions(access: ClusterAccess): https.AgentOptions {
  return {
    rejectUnauthorized: !access.insecureSkipTlsVerify,
    ...(access.certificateAuthority === undefined ? {} : { ca: access.certificateAuthority }),
    ...(access.clientCertificate === undefined ? {} : { cert: access.clientCertificate }),
    ...(access.clientKey === undefined ? {} : { key: access.clientKey }),
    ...(access.tlsServerName === undefined ? {} : { servername: access.tlsServerName }),
  };
}

function isWhole(body: RawRequest['body']): body is string | Uint8Array | undefined {
  return body === undefined || typeof body === 'string' || body instanceof Uint8Array;
}

function tokenSource(access: ClusterAccess, now: () => number): () => string | undefined | Promise<string | undefined> {
  const { tokenFile, execPlugin } = access;
  if (execPlugin !== undefined) return pluginSource(execPlugin, now);
  if (tokenFile === undefined) return () => access.token;
  let cached = '';
  let readAt = Number.NEGATIVE_INFINITY;
  return () => {
    if (now() - readAt >= TOKEN_REREAD_MS) {
      cached = readFileSync(tokenFile, 'utf8').trim();
      readAt = now();
    }
    return cached;
  };
}

/** One run serves all requests until shortly before the token expires. */
function pluginSource(plugin: ExecPlugin, now: () => number): () => Promise<string> {
  let running: Promise<ExecToken> | undefined;
  let expiresMs = Number.POSITIVE_INFINITY;
  return async () => {
    if (running === undefined || now() > expiresMs - TOKEN_REREAD_MS) {
      expiresMs = Number.POSITIVE_INFINITY;
      running = runExecPlugin(plugin);
    }
    try {
      const { token, expiresMs: at } = await running;
      expiresMs = at ?? Number.POSITIVE_INFINITY;
      return token;
    } catch (error) {
      running = undefined;
      throw error;
    }
  };
}

async function readText(body: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += (chunk as Buffer).length;
    if (size > MAX_ANSWER_BYTES) throw new Error(`Cannot read answer: longer than ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** The server's Status, or one made from an answer that is none (a proxy's HTML, plain `404 page not found`). */
function parseFailure(code: number, text: string, action: string): Status {
  try {
    const parsed = JSON.parse(text) as Status;
    if (parsed?.kind === 'Status') return { ...parsed, code: parsed.code ?? code };
  } catch {
    // Not JSON: described below.
  }
  const reason = { 401: 'Unauthorized', 403: 'Forbidden', 404: 'NotFound', 409: 'Conflict', 410: 'Expired', 429: 'TooManyRequests' }[code];
  const message = `${action}: server answered ${code}${text === '' ? '' : `: ${text.slice(0, 200).trim()}`}`;
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, code, ...(reason === undefined ? {} : { reason }) };
}

/** Items of built-in lists do not say what they are: the list does. */
function named<T extends KubernetesObject>(list: ObjectList<T>): ObjectList<T> {
  const { apiVersion } = list;
  const kind = list.kind?.replace(/List$/, '');
  return { ...list, items: (list.items ?? []).map((item) => (item.kind === undefined ? { ...item, apiVersion, kind } : item)) };
}
