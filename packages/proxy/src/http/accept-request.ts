/** From a parsed head to a request that may be judged, or the refusal. Pure. */
import type { ConnectionFacts } from '../facts.ts';
import { Address } from '../net/address.ts';
import { type Framing, requestFraming } from './framing.ts';
import { Field, type Head } from './head.ts';
import { normalizePath, type PathOptions } from './normalize-path.ts';
import { hasConnectionOption } from './render.ts';
import { RequestState } from './request-state.ts';

export interface AcceptOptions {
  readonly path: PathOptions;
  readonly acceptsHttp10: boolean;
  readonly stripsHostPort: 'never' | 'matching' | 'any';
  readonly stripsTrailingDot: boolean;
  readonly usesRemoteAddress: boolean;
  readonly trustedHops: number;
  /** Protocols that may be changed to, lower case. */
  readonly upgrades: readonly string[];
}

export interface AcceptedRequest {
  readonly ok: true;
  readonly state: RequestState;
  readonly framing: Framing;
  readonly upgrade: string | undefined;
}

export type Accepted =
  | AcceptedRequest
  | { readonly ok: false; readonly status: number; readonly reason: string; readonly location?: string };

const refuse = (reason: string, status = 400): Accepted => ({ ok: false, status, reason });

/** RFC 3986 authority without userinfo: name, IPv4 or bracketed IPv6, and an optional port. */
const authorityForm = /^(?:[A-Za-z0-9\-._~!$&'()*+,;=%]*|\[[0-9A-Fa-f:.]+\])(?::\d{0,5})?$/;

export function acceptRequest(head: Head, connection: ConnectionFacts, options: AcceptOptions): Accepted {
  if (head.minor === 0 && !options.acceptsHttp10) return refuse('HTTP/1.0', 426);
  const framing = requestFraming(head);
  if (!framing.ok) return refuse(framing.reason, framing.status);
  const upgrade = wantedUpgrade(head);
  // Bytes behind a request to change protocols belong to one protocol or the other: who says which (CVE-2025-64763)?
  const isUpgradeRefused = upgrade !== undefined && (!options.upgrades.includes(upgrade) || framing.framing.kind !== 'none');
  if (isUpgradeRefused) return refuse('upgrade_failed', 403);
  if (hasConnectionOption(head, 'host')) return refuse('host named by connection');
  const host = head.only(Field.host);
  if (host === undefined && head.has(Field.host)) return refuse('repeated host');
  if (host === undefined && head.minor === 1) return refuse('missing host');
  let authority = host ?? '';
  let target = head.target;
  if (target.charCodeAt(0) !== 47) {
    if (head.method === 'CONNECT') return refuse('CONNECT', 404);
    const absolute = /^https?:\/\/([^/?#]*)(.*)$/i.exec(target);
    if (absolute !== null) {
      // RFC 9112 §3.2.2: the target's authority replaces the Host field.
      authority = absolute[1]!;
      target = absolute[2]!.startsWith('/') ? absolute[2]! : `/${absolute[2]}`;
      if (authority === '') return refuse('empty authority');
    } else if (target !== '*' || head.method !== 'OPTIONS') return refuse('malformed request target');
  } else if (head.method === 'CONNECT') return refuse('CONNECT', 404);
  if (!authorityForm.test(authority)) return refuse('malformed authority');
  authority = canonicalAuthority(authority, connection.destinationPort, options);
  const path = target === '*' ? ({ ok: true, path: '*' } as const) : normalizePath(target, options.path);
  if (path.ok === false) return refuse(path.reason);
  if (path.ok === 'redirect') return { ok: false, status: 307, reason: 'escaped slash in the path', location: path.path };
  return {
    ok: true,
    state: new RequestState(head, connection, clientAddress(head, connection, options), path.path, authority),
    framing: framing.framing,
    upgrade,
  };
}

/** HTTP/2 in the clear is not taken up (RFC 9113 dropped it): the request goes on as HTTP/1.1. */
function wantedUpgrade(head: Head): string | undefined {
  if (!head.has(Field.upgrade) || !hasConnectionOption(head, 'upgrade')) return undefined;
  const wanted = head.first(Field.upgrade)!.toLowerCase();
  return wanted === 'h2c' ? undefined : wanted;
}

function canonicalAuthority(given: string, port: number, options: AcceptOptions): string {
  let authority = given;
  if (options.stripsHostPort === 'any') authority = authority.replace(/:\d*$/, '');
  else if (options.stripsHostPort === 'matching' && authority.endsWith(`:${port}`)) authority = authority.slice(0, -`:${port}`.length);
  if (options.stripsTrailingDot) authority = authority.replace(/\.(?=:\d*$|$)/, '');
  return authority;
}

/**
 * Envoy: with `use_remote_address` the peer itself, unless hops before it are trusted; without it the last entry of X-Forwarded-For,
 * which then only trusted proxies write.
 */
function clientAddress(head: Head, connection: ConnectionFacts, options: AcceptOptions): Address {
  if (!head.has(Field.forwardedFor) || (options.usesRemoteAddress && options.trustedHops === 0)) return connection.source;
  const hops = head
    .all(Field.forwardedFor)
    .join(',')
    .split(',')
    .map((hop) => hop.trim());
  const hop = hops[hops.length - (options.usesRemoteAddress ? options.trustedHops : options.trustedHops + 1)];
  const address = hop === undefined ? undefined : new Address(hop);
  return address !== undefined && address.bytes.length > 0 ? address : connection.source;
}
