/** The request's head as the upstream gets it. */
import type { Peer } from '../facts.ts';
import { noChanges, type RouteTarget } from '../route/route.ts';
import { Field } from './head.ts';
import type { Manager } from './manager.ts';
import { connectionListed, dropBit, linesOf, renderHead, requestDrops } from './render.ts';
import type { RequestState } from './request-state.ts';

export interface ForwardedRequest {
  readonly state: RequestState;
  readonly manager: Manager;
  readonly target: RouteTarget;
  readonly path: string;
  readonly requestId: string | undefined;
  readonly isChunked: boolean;
  readonly upgrade: string | undefined;
  readonly bodySpace: number;
}

/** @returns one buffer with the head written and `bodySpace` bytes left behind it */
export function renderRequest(request: ForwardedRequest): { out: Buffer; at: number } {
  const { state, manager, target } = request;
  const { head } = state;
  let drops = requestDrops | dropBit(Field.expect);
  let added = '';
  const host = target.hostRewrite ?? state.authority;
  if (host !== head.first(Field.host)) {
    drops |= dropBit(Field.host);
    added += `host: ${host}\r\n`;
  }
  if (manager.appendsForwardedFor) {
    drops |= dropBit(Field.forwardedFor) | dropBit(Field.forwardedProto);
    const before = head.all(Field.forwardedFor).join(',');
    added += `x-forwarded-for: ${before === '' ? '' : `${before},`}${state.connection.source.text}\r\nx-forwarded-proto: ${scheme(state)}\r\n`;
  } else if (!head.has(Field.forwardedProto)) added += `x-forwarded-proto: ${scheme(state)}\r\n`;
  if (request.requestId !== undefined) {
    drops |= dropBit(Field.requestId);
    added += `x-request-id: ${request.requestId}\r\n`;
  }
  if (keepsClientCert(manager, state.connection.peer) === false) drops |= dropBit(Field.forwardedClientCert);
  added += clientCertLine(manager, state);
  if (request.isChunked) added += 'transfer-encoding: chunked\r\n';
  if (request.upgrade !== undefined) added += `connection: upgrade\r\nupgrade: ${request.upgrade}\r\n`;
  let removed: readonly string[] = head.has(Field.connection) ? connectionListed(head) : [];
  if (target.request !== noChanges) {
    removed = [...removed, ...target.request.remove];
    added += linesOf(target.request, (lower) => state.values(lower).length > 0);
  }
  if (state.removed.length > 0) removed = [...removed, ...state.removed];
  for (const { name, value } of state.added) added += `${name}: ${value}\r\n`;
  return renderHead({
    head,
    firstLine: `${state.method} ${request.path} HTTP/1.1\r\n`,
    drops,
    removed,
    added,
    bodySpace: request.bodySpace,
  });
}

const scheme = (state: RequestState) => (state.connection.isTls ? 'https' : 'http');

/** Whether a client's own x-forwarded-client-cert passes (Envoy `forward_client_cert_details`). */
function keepsClientCert(manager: Manager, peer: Peer | undefined): boolean {
  return manager.clientCert === 'always-forward' || (manager.clientCert === 'forward' && peer !== undefined);
}

function clientCertLine(manager: Manager, state: RequestState): string {
  const { peer } = state.connection;
  if (peer === undefined || (manager.clientCert !== 'set' && manager.clientCert !== 'append')) return '';
  const element = clientCertElement(manager, state, peer);
  const before = manager.clientCert === 'append' ? state.head.all(Field.forwardedClientCert).join(',') : '';
  return `x-forwarded-client-cert: ${before === '' ? '' : `${before},`}${element}\r\n`;
}

const elements = new WeakMap<Peer, { manager: Manager; text: string }>();

/** Made once a connection. */
function clientCertElement(manager: Manager, state: RequestState, peer: Peer): string {
  const made = elements.get(peer);
  if (made?.manager === manager) return made.text;
  const { subject, uri, dns } = manager.clientCertParts;
  const parts = [...state.connection.localUriSans.slice(0, 1).map((san) => `By=${san}`), `Hash=${peer.hash}`];
  if (subject) parts.push(`Subject="${peer.subject.replace(/["\\]/g, '\\$&')}"`);
  if (uri) parts.push(...(peer.uriSans.length === 0 ? ['URI='] : peer.uriSans.map((san) => `URI=${san}`)));
  if (dns) parts.push(...peer.dnsSans.map((san) => `DNS=${san}`));
  const text = parts.join(';');
  elements.set(peer, { manager, text });
  return text;
}
