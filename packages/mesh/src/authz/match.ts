/** One term against the facts of one request or connection. The compiled Envoy rules must answer the same: a property test compares. */
import { expandPrincipal, expandTrustDomain } from '@palisade/identity/trust-domain';
import { cidrContains, parseCidr } from './cidr.ts';
import { quoteExpression } from './matchers.ts';
import { isPathTemplate, pathTemplateExpression } from './path-template.ts';
import { type PrincipalContext, serviceAccountExpression, trustDomainExpression } from './principal.ts';
import { parseRequestPrincipal } from './request-principal.ts';
import type { PermissionSubject, PrincipalSubject, Term } from './terms.ts';

export interface AuthzFacts {
  /** The URI name of the peer's certificate, proven by mutual TLS; absent = plaintext. */
  readonly peer?: string;
  /** TCP peer. */
  readonly sourceIp: string;
  /** Client, as far as forwarding headers are trusted; the TCP peer otherwise. */
  readonly remoteIp: string;
  readonly destinationIp: string;
  /** Of the workload, not of the service. */
  readonly destinationPort: number;
  readonly sni?: string;
  /** What other filters wrote about the connection, by filter and key; absent = nothing known. */
  readonly metadata?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Absent = the connection is not HTTP. */
  readonly http?: HttpFacts;
}

export interface HttpFacts {
  readonly method: string;
  readonly authority: string;
  /** Normalised, without query and fragment. */
  readonly path: string;
  /** By lower-case name; every value of a repeated header by itself. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
  /** Of a verified token. */
  readonly claims?: Readonly<Record<string, unknown>>;
}

/** `values` and not `notValues`; an absent fact satisfies only the latter. */
export function matchTerm(term: Term<PermissionSubject | PrincipalSubject>, facts: AuthzFacts, context: PrincipalContext): boolean {
  const any = (patterns: readonly string[]) => patterns.some((pattern) => matchPattern(term.subject, pattern, facts, context));
  return (term.values.length === 0 || any(term.values)) && (term.notValues.length === 0 || !any(term.notValues));
}

function matchPattern(
  subject: PermissionSubject | PrincipalSubject,
  pattern: string,
  facts: AuthzFacts,
  context: PrincipalContext,
): boolean {
  const { http, peer } = facts;
  switch (subject.type) {
    case 'host':
      return http !== undefined && matchHeader(pattern.toLowerCase(), http.authority.toLowerCase());
    case 'method':
      return http !== undefined && matchHeader(pattern, http.method);
    case 'path':
      return (
        http !== undefined && (isPathTemplate(pattern) ? pathTemplateExpression(pattern).test(http.path) : matchText(pattern, http.path))
      );
    case 'port':
      return facts.destinationPort === Number(pattern);
    case 'destinationIp':
      return cidrContains(parseCidr(pattern)!, facts.destinationIp);
    case 'sourceIp':
      return cidrContains(parseCidr(pattern)!, facts.sourceIp);
    case 'remoteIp':
      return cidrContains(parseCidr(pattern)!, facts.remoteIp);
    case 'sni':
      return matchText(pattern, facts.sni ?? '');
    case 'principal':
      return peer !== undefined && expandPrincipal(pattern, context.trustDomains).some((meant) => matchPeer(meant, peer));
    case 'namespace':
      return matchExpression(peer, `.*/ns/${pattern.split('*').map(quoteExpression).join('.*')}/.*`);
    case 'serviceAccount':
      return matchExpression(peer, serviceAccountExpression(pattern, context.policyNamespace));
    case 'trustDomain':
      return expandTrustDomain(pattern, context.trustDomains).some((meant) => matchExpression(peer, trustDomainExpression(meant)));
    case 'header':
      return (http?.headers.get(subject.name.toLowerCase()) ?? []).some((value) => matchHeader(pattern, value));
    case 'requestPrincipal':
      return matchRequestPrincipal(pattern, http?.claims);
    case 'claim':
      return matchClaim(pattern, claimAt(http?.claims, subject.path));
    case 'filterMetadata':
      return matchMetadata(pattern, facts.metadata?.[subject.filter]?.[subject.key]);
    default:
      return subject satisfies never;
  }
}

/** `*` = not empty, `abc*` prefix, `*abc` suffix, anything else exact. */
function matchText(pattern: string, text: string): boolean {
  if (pattern === '*') return text !== '';
  if (pattern.startsWith('*')) return text.endsWith(pattern.slice(1));
  return pattern.endsWith('*') ? text.startsWith(pattern.slice(0, -1)) : text === pattern;
}

/** Of a header `*` asks only that it is there. */
function matchHeader(pattern: string, value: string): boolean {
  return pattern === '*' || matchText(pattern, value);
}

const scheme = 'spiffe://';

function matchPeer(pattern: string, peer: string): boolean {
  if (pattern === '*') return peer !== '';
  return peer.startsWith(scheme) && matchText(pattern, peer.slice(scheme.length));
}

function matchExpression(text: string | undefined, expression: string): boolean {
  return text !== undefined && new RegExp(`^(?:${expression})$`).test(text);
}

function matchRequestPrincipal(pattern: string, claims: HttpFacts['claims']): boolean {
  const { issuer, subject } = parseRequestPrincipal(pattern);
  const claim = (name: string) => (typeof claims?.[name] === 'string' ? (claims[name] as string) : undefined);
  const matchHalf = (half: typeof issuer, text: string | undefined) =>
    text !== undefined && (half.isPattern ? matchText(half.text, text) : text === half.text);
  return matchHalf(issuer, claim('iss')) && matchHalf(subject, claim('sub'));
}

function claimAt(claims: HttpFacts['claims'], path: readonly string[]): unknown {
  return path.reduce<unknown>((value, key) => {
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value) && Object.hasOwn(value, key);
    return isObject ? (value as Readonly<Record<string, unknown>>)[key] : undefined;
  }, claims);
}

/** `scope` and `permission` arrive as lists: the token filter splits them at spaces. */
function matchClaim(pattern: string, value: unknown): boolean {
  if (Array.isArray(value)) return value.some((item) => typeof item === 'string' && matchText(pattern, item));
  return typeof value === 'string' && matchText(pattern, value);
}

/** `[v]` asks for an item of a list, `v` for a text. */
function matchMetadata(pattern: string, value: unknown): boolean {
  const item = /^\[(.*)\]$/.exec(pattern)?.[1];
  if (item === undefined) return typeof value === 'string' && matchText(pattern, value);
  return Array.isArray(value) && value.some((entry) => typeof entry === 'string' && matchText(item, entry));
}
