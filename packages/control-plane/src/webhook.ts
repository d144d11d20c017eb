/** The admission webhooks: injection at `/inject`, validation of every kind we read at `/validate` (admission.k8s.io/v1). */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server, type ServerOptions } from 'node:https';
import type { KubernetesObject } from '@palisade/kubernetes';
import { readAsStream } from '@palisade/kubernetes/server';
import { checkResource } from './validate.ts';

interface Review {
  readonly apiVersion: string;
  readonly request: { readonly uid: string; readonly namespace?: string; readonly operation?: string; readonly object?: KubernetesObject };
}

export interface WebhookOptions {
  /** @returns a JSON patch; empty = left as it is. @throws Error: the pod is refused with its message */
  inject(pod: KubernetesObject, namespace: string): Promise<{ readonly patch: readonly unknown[]; readonly warnings: readonly string[] }>;
  clusterDomain(): string;
}

/** @returns what to say besides that it is allowed. @throws Error: refused with its message */
type Decide = (object: KubernetesObject, request: Review['request'], options: WebhookOptions) => object | Promise<object>;

const maxBodyBytes = 8 * 1024 * 1024;

/** An answer holds the whole pod: a large one is still going out when the API server's next question comes. */
export function createWebhookServer(certificate: ServerOptions, options: WebhookOptions): Server {
  return createServer(certificate, createWebhookListener(options)).on('secureConnection', readAsStream);
}

function createWebhookListener(options: WebhookOptions) {
  return (request: IncomingMessage, response: ServerResponse): void => {
    const decide = request.url?.startsWith('/inject') ? inject : request.url?.startsWith('/validate') ? validate : undefined;
    if (request.method !== 'POST' || decide === undefined) {
      response.writeHead(404).end();
      return;
    }
    readBody(request)
      .then(async (body) => {
        const review = JSON.parse(body) as Review;
        const content = { uid: review.request.uid, ...(await answer(decide, review, options)) };
        const text = JSON.stringify({ apiVersion: review.apiVersion, kind: 'AdmissionReview', response: content });
        response.writeHead(200, { 'content-type': 'application/json' }).end(text);
      })
      .catch(() => {
        if (!response.headersSent) response.writeHead(400).end();
      });
  };
}

async function answer(decide: Decide, { request }: Review, options: WebhookOptions): Promise<object> {
  try {
    // Both hooks are asked about new content alone: without it nothing has been looked at.
    if (!request.object) throw new Error('the review holds no object');
    return { allowed: true, ...(await decide(request.object, request, options)) };
  } catch (error) {
    return { allowed: false, status: { code: 422, reason: 'Invalid', message: (error as Error).message } };
  }
}

async function inject(pod: KubernetesObject, request: Review['request'], options: WebhookOptions): Promise<object> {
  const { patch, warnings } = await options.inject(pod, request.namespace ?? pod.metadata.namespace ?? 'default');
  if (patch.length === 0) return { warnings };
  return { warnings, patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(patch)).toString('base64') };
}

function validate(object: KubernetesObject, _: Review['request'], options: WebhookOptions): object {
  checkResource(object, options.clusterDomain());
  return {};
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxBodyBytes) throw new Error(`the body is over ${maxBodyBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
