import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

interface Review {
  readonly request: Record<string, unknown> & { readonly uid: string };
}

const encode = (patch: unknown) => Buffer.from(JSON.stringify(patch)).toString('base64');
const label = (name: string) => ({ op: 'add', path: '/metadata/labels', value: { [name]: 'yes' } });

/** What a webhook answers, by its path; the rest of the AdmissionReview is added. */
const ANSWERS: Readonly<Record<string, (review: Review) => object>> = {
  '/allow': () => ({ allowed: true }),
  '/deny': () => ({ allowed: false }),
  '/deny-message': () => ({ allowed: false, status: { message: 'not like this', code: 422, reason: 'Invalid' } }),
  '/deny-code': () => ({ allowed: false, status: { code: 409 } }),
  '/warn': () => ({ allowed: true, warnings: ['careful', 'again "quoted"'] }),
  '/label': () => ({ allowed: true, patchType: 'JSONPatch', patch: encode([label('hooked')]) }),
  '/patch-bad': () => ({ allowed: true, patchType: 'JSONPatch', patch: encode([{ op: 'remove', path: '/nothing' }]) }),
  '/patch-invalid': () => ({ allowed: true, patchType: 'JSONPatch', patch: encode([{ op: 'add', path: '/data', value: 5 }]) }),
  '/patch-type': () => ({ allowed: true, patchType: 'Merge', patch: encode({}) }),
  '/patch-untyped': () => ({ allowed: true, patch: encode([]) }),
  '/audit': () => ({ allowed: true, auditAnnotations: { seen: 'yes' } }),
  '/other-uid': () => ({ uid: 'other', allowed: true }),
  // Shows what it was asked.
  '/echo': ({ request }) => {
    const { object, oldObject, userInfo, ...rest } = request;
    const nameOf = (value: unknown) => (value as { metadata?: { name?: string } } | null)?.metadata?.name ?? null;
    return {
      allowed: false,
      status: { message: JSON.stringify({ ...rest, object: nameOf(object), oldObject: nameOf(oldObject), userInfo }) },
    };
  },
};

const RAW: Readonly<Record<string, readonly [code: number, text: string]>> = {
  '/500': [500, 'broken'],
  '/text': [200, 'not JSON'],
  '/empty': [200, '{}'],
  '/no-response': [200, '{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}'],
  '/other-kind': [200, '{"apiVersion":"v1","kind":"Pod"}'],
};

export interface Hooks extends AsyncDisposable {
  /** For the checks: the address, and the authority it is trusted by. */
  readonly variables: { readonly hooks: string; readonly caBundle: string };
}

/** Webhooks on loopback, with the servers' own certificate. `/slow` never answers. */
export async function startHooks(pki: string): Promise<Hooks> {
  const read = (file: string) => readFileSync(join(pki, file));
  const server = createServer({ key: read('serving.key'), cert: read('serving.crt') }, async (req, res) => {
    const path = (req.url ?? '').split('?')[0]!;
    const raw = RAW[path];
    const text = Buffer.concat(await req.toArray()).toString();
    const answer = ANSWERS[path];
    if (raw !== undefined) res.writeHead(raw[0], { 'Content-Type': 'application/json' }).end(raw[1]);
    else if (answer === undefined && path !== '/slow') res.writeHead(404).end('no such webhook');
    if (answer === undefined) return;
    const review = JSON.parse(text) as Review;
    const response = { uid: review.request.uid, ...answer(review) };
    res.setHeader('Content-Type', 'application/json');
    res.end(JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    variables: { hooks: `https://127.0.0.1:${port}`, caBundle: read('ca.crt').toString('base64') },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
