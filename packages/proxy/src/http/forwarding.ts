/** The request's head as the upstream gets it. */
import type { Peer } from '../facts.ts';
import { noChanges, type RouteTarget } from '../route/route.ts';
import { Field } from './head.ts';
import type { Manager } from './manager.ts';
import { connectionListed, dropBit, fieldsStart, linesOf, renderHead, requestDrops } from './render.ts';
import type { RequestState } from './request-state.ts';

export interface ForwardedRequest {
  readonly state: RequestState;
  readonly manager: Manager;
  readonly target: RouteTarget;
  readonly path: string;
  readonly requestId: string | undefined;
  readonly isChunked: boolean;
  readonly upgrade: string | undefined;
}

export function renderRequest(request: ForwardedRequest): Buffer {
  const { state, manager, target } = request;
  const { head } = state;
  let drops = requestDrops | dropBit(Field.expect);
  const added: string[] = [];
  const host = target.hostRewrite ?? state.authority;
  if (host !== head.first(Field.host)) {
    drops |= dropBit(Field.host);
    added.push('host: ', host, '\r\n');
  }
  if (manager.appendsForwardedFor) {
    drops |= dropBit(Field.forwardedFor) | dropBit(Field.forwardedProto);
    const before = head.all(Field.forwardedFor).join(',');
    added.push(`x-forwarded-for: ${before === '' ? '' : `${before},`}${state.connection.source.text}\r\n`, protocolLine(state));
  } else if (!head.has(Field.forwardedProto)) added.push(protocolLine(state));
  if (request.requestId !== undefined) {
    drops |= dropBit(Field.requestId);
    added.push('x-request-id: ', request.requestId, '\r\n');
  }
  if (keepsClientCert(manager, state.connection.peer) === false) drops |= dropBit(Field.forwardedClientCert);
  const clientCert = clientCertLine(manager, state);
  if (clientCert !== undefined) added.push(clientCert);
  if (request.isChunked) added.push('transfer-encoding: chunked\r\n');
  if (request.upgrade !== undefined) added.push(`connection: upgrade\r\nupgrade: ${request.upgrade}\r\n`);
  let removed: readonly string[] = head.has(Field.connection) ? connectionListed(head) : [];
  if (target.request !== noChanges) {
    removed = [...removed, ...target.request.remove];
    added.push(...linesOf(target.request, (lower) => state.values(lower).length > 0));
  }
  if (state.removed.length > 0) removed = [...removed, ...state.removed];
  for (const { name, value } of state.added) added.push(name, ': ', value, '\r\n');
  return renderHead({
    head,
    firstLine: [state.method, ' ', request.path, ' HTTP/1.1\r\n'],
    from: fieldsStart(head),
    drops,
    removed,
    added,
  });
}

const protocolLine = (state: RequestState) => `x-forwarded-proto: ${state.connection.isTls ? 'https' : 'http'}\r\n`;

/** Whether a client's own x-forwarded-client-cert passes (Envoy `forward_client_cert_details`). */
function keepsClientCert(manager: Manager, peer: Peer | undefined): boolean {
  return manager.clientCert === 'always-forward' || (manager.clientCert === 'forward' && peer !== undefined);
}

function clientCertLine(manager: Manager, state: RequestState): string | undefined {
  const { peer } = state.connection;
  if (peer === undefined || (manager.clientCert !== 'set' && manager.clientCert !== 'append')) return undefined;
  const own = ownLine(manager, state, peer);
  if (manager.clientCert === 'set' || !state.head.has(Field.forwardedClientCert)) return own;
  const before = state.head.all(Field.forwardedClientCert).join(',');
  return before === '' ? own : own.replace(': ', () => `: ${before},`);
}

const lines = new WeakMap<Peer, { manager: Manager; text: string }>();

/** Made once a connection. */
function ownLine(manager: Manager, state: RequestState, peer: Peer): string {
  const made = lines.get(peer);
  if (made?.manager === manager) return made.text;
  const { subject, uri, dns } = manager.clientCertParts;
  const parts = [...state.connection.localUriSans.slice(0, 1).map((san) => `By=${san}`), `Hash=${peer.hash}`];
  if (subject) parts.push(`Subject="${peer.subject.replace(/["\\]/g, '\\$&')}"`);
  if (uri) parts.push(...(peer.uriSans.length === 0 ? ['URI='] : peer.uriSans.map((san) => `URI=${san}`)));
  if (dns) parts.push(...peer.dnsSans.map((san) => `DNS=${san}`));
  const text = `x-forwarded-client-cert: ${parts.join(';')}\r\n`;
  lines.set(peer, { manager, text });
  return text;
}
