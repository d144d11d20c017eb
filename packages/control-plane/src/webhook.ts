/** The admission webhooks: injection at `/inject`, validation of every kind we read at `/validate` (admission.k8s.io/v1). */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { KubernetesObject } from '@palisade/kubernetes';
import { checkResource } from './validate.ts';

interface Review {
  readonly apiVersion: string;
  readonly request: { readonly uid: string; readonly namespace?: string; readonly operation?: string; readonly object?: KubernetesObject };
}

export interface WebhookOptions {
  /** @returns a JSON patch; empty = left as it is. @throws Error: the pod is refused with its message */
  inject(pod: KubernetesObject, namespace: string): { readonly patch: readonly unknown[]; readonly warnings: readonly string[] };
  clusterDomain(): string;
}

const maxBodyBytes = 8 * 1024 * 1024;

export function createWebhookListener(options: WebhookOptions) {
  return (request: IncomingMessage, response: ServerResponse): void => {
    const decide = request.url?.startsWith('/inject') ? injectAnswer : request.url?.startsWith('/validate') ? validateAnswer : undefined;
    if (request.method !== 'POST' || decide === undefined) {
      response.writeHead(404).end();
      return;
    }
    readBody(request)
      .then(
        (body) => {
          const review = JSON.parse(body) as Review;
          const answer = JSON.stringify({
            apiVersion: review.apiVersion,
            kind: 'AdmissionReview',
            response: { uid: review.request.uid, ...decide(review, options) },
          });
          response.writeHead(200, { 'content-type': 'application/json' }).end(answer);
        },
        () => {
          if (!response.headersSent) response.writeHead(400).end();
        },
      )
      .catch(() => {
        if (!response.headersSent) response.writeHead(400).end();
      });
  };
}

function injectAnswer({ request }: Review, options: WebhookOptions) {
  const pod = request.object;
  try {
    if (pod === undefined) return { allowed: true };
    const { patch, warnings } = options.inject(pod, request.namespace ?? pod.metadata.namespace ?? 'default');
    if (patch.length === 0) return { allowed: true, warnings };
    return { allowed: true, warnings, patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(patch)).toString('base64') };
  } catch (error) {
    return { allowed: false, status: { code: 422, reason: 'Invalid', message: (error as Error).message } };
  }
}

function validateAnswer({ request }: Review, options: WebhookOptions) {
  if (request.object === undefined) return { allowed: true };
  try {
    checkResource(request.object, options.clusterDomain());
    return { allowed: true };
  } catch (error) {
    return { allowed: false, status: { code: 422, reason: 'Invalid', message: (error as Error).message } };
  }
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
