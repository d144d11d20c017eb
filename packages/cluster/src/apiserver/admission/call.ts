import { Agent, request } from 'node:https';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { jsonFault, notAnObject } from '../http/go-words.ts';
import type { Webhook } from './match.ts';

/** Opens a TCP connection to a port of a Service as a pod would see it. */
export type ServiceDialer = (namespace: string, name: string, port: number, timeoutMs: number) => Promise<Duplex>;

/** Answers above this are no AdmissionReview. */
const MAX_ANSWER_BYTES = 3 * 1024 * 1024;
const DEFAULT_TIMEOUT_SECONDS = 10;

/**
 * POSTs an AdmissionReview over HTTPS and returns the answer's JSON. Only the configuration's own CA is trusted where it names
 * one.
 *
 * @throws Error when it cannot be had in `timeoutSeconds`, is no 200, or is no JSON
 */
export async function callWebhook(webhook: Webhook, review: object, dial: ServiceDialer): Promise<unknown> {
  const { url, service, caBundle } = webhook.clientConfig;
  const timeoutMs = (webhook.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS) * 1000;
  const ca = caBundle === undefined || caBundle === '' ? undefined : Buffer.from(caBundle, 'base64').toString();
  const target =
    url !== undefined
      ? new URL(url)
      : new URL(`https://${service?.name}.${service?.namespace}.svc:${service?.port ?? 443}${service?.path ?? '/'}`);
  const raw =
    url === undefined && service !== undefined ? await dial(service.namespace, service.name, service.port ?? 443, timeoutMs) : undefined;
  target.searchParams.set('timeout', `${timeoutMs / 1000}s`);
  const host = target.hostname.replace(/^\[|\]$/g, '');
  const tls = { ...(isIP(host) === 0 ? { servername: host } : {}), ...(ca === undefined ? {} : { ca }) };
  const body = Buffer.from(JSON.stringify(review));
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const req = request(
    {
      host,
      port: target.port === '' ? 443 : Number(target.port),
      path: `${target.pathname}${target.search}`,
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Accept: 'application/json', 'Content-Length': body.length },
      agent: raw === undefined ? false : agentFor(raw, tls),
      signal: AbortSignal.timeout(timeoutMs),
      ...tls,
    },
    (res) => {
      const chunks: Buffer[] = [];
      let size = 0;
      res.on('error', reject);
      res.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > MAX_ANSWER_BYTES) req.destroy(new Error(`the answer is longer than ${MAX_ANSWER_BYTES} bytes`));
        else chunks.push(chunk);
      });
      res.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        if (res.statusCode !== 200) return reject(new Error(res.statusCode === 404 ? NOT_THERE : BROKEN));
        const fault = versionFault(text);
        if (fault === undefined) resolve(JSON.parse(text));
        else reject(new Error(`couldn't get version/kind; json parse error: ${fault}`));
      });
    },
  );
  req.on('error', (error) => reject(new Error(`Post "${target.href}": ${transportFault(error)}`)));
  req.end(body);
  try {
    return await promise;
  } finally {
    raw?.destroy();
  }
}

/** JSON, or YAML: a plain word is a text to the real server, which then misses the object. */
function versionFault(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? undefined : notAnObject(value);
  } catch {
    return /^[[{"'\s]/.test(text) ? jsonFault(text) : notAnObject(text);
  }
}

const NOT_THERE = 'the server could not find the requested resource';
const BROKEN = 'an error on the server ("unknown") has prevented the request from succeeding';
const UNTRUSTED = new Set([
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
]);

function transportFault(error: Error): string {
  const { code = '' } = error as { code?: string };
  if (error.name === 'TimeoutError' || error.name === 'AbortError') return 'context deadline exceeded';
  return UNTRUSTED.has(code) ? 'tls: failed to verify certificate: x509: certificate signed by unknown authority' : error.message;
}

/** An agent that knows one connection: the one that was dialled. */
function agentFor(raw: Duplex, tls: object): Agent {
  const agent = new Agent();
  agent.createConnection = () => connectTls({ socket: raw, ...tls });
  return agent;
}
