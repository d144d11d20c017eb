/** What a rule asks of the peer and of the request's credentials, as Envoy RBAC principals. */
import type { MessageInitShape } from '@bufbuild/protobuf';
import { expandPrincipal, expandTrustDomain, type TrustDomains } from '@palisade/identity/trust-domain';
import type { PrincipalSchema } from '@palisade/xds/api/envoy/config/rbac/v3/rbac';
import { parseCidr } from './cidr.ts';
import { claimMatch, claimTextMatch, expression, headerMatch, quoteExpression, type StringMatch, stringMatch } from './matchers.ts';
import { halfMatch, parseRequestPrincipal } from './request-principal.ts';
import type { PrincipalSubject, Term } from './terms.ts';

export type Principal = MessageInitShape<typeof PrincipalSchema>;

export interface PrincipalContext {
  readonly trustDomains: TrustDomains;
  /** A service account without a namespace is the policy's own. */
  readonly policyNamespace: string;
}

export const anyPrincipal: Principal = { identifier: { case: 'any', value: true } };

const allOf = (ids: Principal[]): Principal => ({ identifier: { case: 'andIds', value: { ids } } });
const oneOf = (ids: Principal[]): Principal => ({ identifier: { case: 'orIds', value: { ids } } });
export const notPrincipal = (id: Principal): Principal => ({ identifier: { case: 'notId', value: id } });

/** A conjunction; one without terms is anybody. */
export function compilePrincipal(terms: readonly Term<PrincipalSubject>[], context: PrincipalContext): Principal {
  const ids = terms.flatMap((term) => compileTerm(term, context));
  return allOf(ids.length === 0 ? [anyPrincipal] : ids);
}

function compileTerm({ subject, values, notValues }: Term<PrincipalSubject>, context: PrincipalContext): Principal[] {
  const alternatives = (list: readonly string[]): Principal => {
    if (subject.type === 'claim') return { identifier: { case: 'metadata', value: claimMatch(subject.path, list) } };
    if (subject.type === 'requestPrincipal') {
      const ids = list.map(requestPrincipal);
      return ids.length === 1 ? ids[0]! : oneOf(ids);
    }
    return oneOf(meantBy(subject, list, context.trustDomains).map((value) => compileValue(subject, value, context)));
  };
  return [...(values.length > 0 ? [alternatives(values)] : []), ...(notValues.length > 0 ? [notPrincipal(alternatives(notValues))] : [])];
}

function meantBy({ type }: PrincipalSubject, list: readonly string[], trustDomains: TrustDomains): readonly string[] {
  if (type === 'principal') return list.flatMap((value) => expandPrincipal(value, trustDomains));
  return type === 'trustDomain' ? [...new Set(list.flatMap((value) => expandTrustDomain(value, trustDomains)))] : list;
}

type SimpleSubject = Exclude<PrincipalSubject, { type: 'claim' }>;

function compileValue(subject: SimpleSubject, value: string, { policyNamespace }: PrincipalContext): Principal {
  switch (subject.type) {
    case 'principal':
      return authenticated(stringMatch(value, { prefix: 'spiffe://' }));
    case 'namespace':
      return authenticated(expression(`.*/ns/${value.split('*').map(quoteExpression).join('.*')}/.*`));
    case 'serviceAccount':
      return authenticated(expression(serviceAccountExpression(value, policyNamespace)));
    case 'trustDomain':
      return authenticated(trustDomainMatch(value));
    case 'sourceIp':
      return { identifier: { case: 'directRemoteIp', value: cidr(value) } };
    case 'remoteIp':
      return { identifier: { case: 'remoteIp', value: cidr(value) } };
    case 'header':
      return { identifier: { case: 'header', value: headerMatch(subject.name, value) } };
    case 'requestPrincipal':
      return requestPrincipal(value);
    default:
      return subject satisfies never;
  }
}

function authenticated(principalName: StringMatch): Principal {
  return { identifier: { case: 'authenticated', value: { principalName } } };
}

/** Between the namespace and the account, and behind it, a SPIFFE id may hold further parts. */
export function serviceAccountExpression(value: string, policyNamespace: string): string {
  const [first, second] = value.split('/') as [string, string?];
  const [namespace, account] = second === undefined ? [policyNamespace, first] : [first, second];
  return `spiffe://.+/ns/${quoteExpression(namespace)}/(.+/|)sa/${quoteExpression(account)}(/.+)?`;
}

/** A `*` stays within the domain; alone it is any. */
export function trustDomainExpression(value: string): string {
  return value === '*' ? 'spiffe://.*' : `spiffe://${value.split('*').map(quoteExpression).join('[^/]*')}/.*`;
}

function trustDomainMatch(value: string): StringMatch {
  if (value === '*') return { matchPattern: { case: 'prefix', value: 'spiffe://' } };
  return value.includes('*') ? expression(trustDomainExpression(value)) : { matchPattern: { case: 'prefix', value: `spiffe://${value}/` } };
}

function cidr(value: string) {
  const { address, prefixLength } = parseCidr(value)!;
  return { addressPrefix: address, prefixLen: prefixLength };
}

function requestPrincipal(value: string): Principal {
  const { issuer, subject } = parseRequestPrincipal(value);
  const claim = (name: string, match: StringMatch): Principal => ({ identifier: { case: 'metadata', value: claimTextMatch(name, match) } });
  return allOf([claim('iss', halfMatch(issuer)), claim('sub', halfMatch(subject))]);
}
