import type { IncomingMessage, ServerResponse } from 'node:http';
import { internalError, isStatusError, type Status } from '@palisade/kubernetes';
import { stringify } from 'yaml';
import { ImpersonationError } from '../auth/impersonate.ts';
import { Entry } from '../store/entry.ts';
import { wantsYaml } from './negotiation.ts';

/** Writes one answer, as JSON unless YAML is asked for. An Entry goes out as it is stored, without being serialised again. */
export function sendJson(res: ServerResponse, code: number, body: Entry | object, contentType = 'application/json'): void {
  if (res.writableEnded) return;
  const json = body instanceof Entry ? body.json : JSON.stringify(body);
  const isYaml = contentType === 'application/json' && wantsYaml(res.req.headers.accept);
  const bytes = Buffer.from(isYaml ? stringify(JSON.parse(json)) : `${json}\n`);
  res.statusCode = code;
  res.setHeader('Content-Type', isYaml ? 'application/yaml' : contentType);
  res.setHeader('Content-Length', bytes.length);
  res.end(bytes);
}

export function sendText(res: ServerResponse, code: number, text: string): void {
  if (res.writableEnded) return;
  res.statusCode = code;
  res.setHeader('Content-Type', 'text/plain; charset=utf-8');
  res.setHeader('X-Content-Type-Options', 'nosniff');
  res.end(text);
}

/** `Warning: 299` headers, one a text; kubectl prints them. */
export function addWarning(res: ServerResponse, text: string): void {
  if (res.headersSent) return;
  // No control characters and nothing beyond Latin-1 in a header value.
  const quoted = text.replace(/[^\x20-\x7e]/g, ' ').replace(/["\\]/g, '\\$&');
  res.appendHeader('Warning', `299 - "${quoted}"`);
}

/** The Status of any failure; what is no StatusError is a fault of ours and says so. */
export function statusOf(error: unknown): Status {
  if (isStatusError(error)) return error.status;
  return internalError((error as Error)?.message ?? String(error)).status;
}

export function sendError(req: IncomingMessage, res: ServerResponse, error: unknown): void {
  if (error instanceof ImpersonationError) {
    sendText(res, 500, `Internal Server Error: ${JSON.stringify(req.url ?? '')}: ${error.message}\n`);
    return;
  }
  const status = statusOf(error);
  if (res.headersSent) {
    // Too late for a Status: a broken transfer is the only way left to say that the answer is not whole.
    res.destroy();
    return;
  }
  if (status.code === 401) res.setHeader('WWW-Authenticate', 'Bearer realm="kubernetes"');
  if (status.details?.retryAfterSeconds !== undefined) res.setHeader('Retry-After', status.details.retryAfterSeconds);
  // A refused body that is still being sent would be read as the next request.
  if (!req.complete) res.setHeader('Connection', 'close');
  sendJson(res, status.code ?? 500, status);
}
