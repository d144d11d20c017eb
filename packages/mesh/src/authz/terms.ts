/**
 * A rule as two alternatives of conjunctions: what is asked of the destination and the request line (Envoy: permissions), and what of
 * the peer and the request's credentials (Envoy: principals). Compiler and evaluator both read this form.
 */
import type { AuthzAction, Operation, OperationField, Rule, Source, SourceField, Values } from './policy.ts';
import { operationFields, sourceFields } from './policy.ts';

export type Transport = 'http' | 'tcp';

export type PermissionSubject =
  | { readonly type: 'host' | 'method' | 'path' | 'port' | 'destinationIp' | 'sni' }
  | { readonly type: 'filterMetadata'; readonly filter: string; readonly key: string };

export type PrincipalSubject =
  | {
      readonly type: 'principal' | 'requestPrincipal' | 'namespace' | 'serviceAccount' | 'trustDomain' | 'remoteIp' | 'sourceIp';
    }
  | { readonly type: 'header'; readonly name: string }
  | { readonly type: 'claim'; readonly path: readonly string[] };

export interface Term<Subject> extends Values {
  readonly subject: Subject;
}

export interface RuleTerms {
  /** OR of ANDs; an empty AND is always true. Never empty. */
  readonly permissions: readonly (readonly Term<PermissionSubject>[])[];
  readonly principals: readonly (readonly Term<PrincipalSubject>[])[];
}

export type Subject =
  | { readonly side: 'permission'; readonly subject: PermissionSubject }
  | { readonly side: 'principal'; readonly subject: PrincipalSubject };

const bracketed = /^\[([^[\]]+)\]$/;

/** What a `when` key asks about; undefined for a key that does not exist. */
export function parseConditionKey(key: string): Subject | undefined {
  const fixed = fixedKeys[key];
  if (fixed !== undefined) return fixed;
  const rest = (prefix: string) => (key.startsWith(prefix) ? key.slice(prefix.length) : undefined);
  const header = bracketed.exec(rest('request.headers') ?? '')?.[1];
  if (header !== undefined) return { side: 'principal', subject: { type: 'header', name: header } };
  const claims = rest('request.auth.claims');
  if (claims !== undefined && /^(\[[^[\]]+\])+$/.test(claims)) {
    return { side: 'principal', subject: { type: 'claim', path: [...claims.matchAll(/\[([^[\]]+)\]/g)].map((match) => match[1]!) } };
  }
  const filter = /^experimental\.(envoy\.filters\.[^[\]]+)\[([^[\]]+)\]$/.exec(key);
  return filter === null ? undefined : { side: 'permission', subject: { type: 'filterMetadata', filter: filter[1]!, key: filter[2]! } };
}

const principal = (subject: PrincipalSubject): Subject => ({ side: 'principal', subject });
const permission = (subject: PermissionSubject): Subject => ({ side: 'permission', subject });

const fixedKeys: Readonly<Record<string, Subject>> = {
  'source.ip': principal({ type: 'sourceIp' }),
  'remote.ip': principal({ type: 'remoteIp' }),
  'source.namespace': principal({ type: 'namespace' }),
  'source.serviceAccount': principal({ type: 'serviceAccount' }),
  'source.principal': principal({ type: 'principal' }),
  'source.trustDomain': principal({ type: 'trustDomain' }),
  'request.auth.principal': principal({ type: 'requestPrincipal' }),
  'request.auth.audiences': principal({ type: 'claim', path: ['aud'] }),
  'request.auth.presenter': principal({ type: 'claim', path: ['azp'] }),
  'destination.ip': permission({ type: 'destinationIp' }),
  'destination.port': permission({ type: 'port' }),
  'connection.sni': permission({ type: 'sni' }),
};

const sourceSubjects: Readonly<Record<SourceField, PrincipalSubject>> = {
  principals: { type: 'principal' },
  requestPrincipals: { type: 'requestPrincipal' },
  namespaces: { type: 'namespace' },
  serviceAccounts: { type: 'serviceAccount' },
  trustDomains: { type: 'trustDomain' },
  remoteIpBlocks: { type: 'remoteIp' },
  ipBlocks: { type: 'sourceIp' },
};

const operationSubjects: Readonly<Record<OperationField, PermissionSubject>> = {
  hosts: { type: 'host' },
  methods: { type: 'method' },
  paths: { type: 'path' },
  ports: { type: 'port' },
};

const httpOnly: readonly string[] = ['host', 'method', 'path', 'requestPrincipal', 'header', 'claim'];

/** Has no meaning on a connection that is not HTTP. */
function isHttpOnly(subject: PermissionSubject | PrincipalSubject): boolean {
  return httpOnly.includes(subject.type);
}

function termsOf(rule: Rule): RuleTerms {
  const conditions = rule.when.map((condition) => ({
    ...parseConditionKey(condition.key)!,
    values: condition.values,
    notValues: condition.notValues,
  }));
  const whenPermissions = conditions.flatMap((term) => (term.side === 'permission' ? [pick(term.subject, term)] : [])).filter(says);
  const whenPrincipals = conditions.flatMap((term) => (term.side === 'principal' ? [pick(term.subject, term)] : [])).filter(says);
  const ofSource = (source: Source) => sourceFields.map((field) => pick(sourceSubjects[field], source[field])).filter(says);
  const ofOperation = (operation: Operation) =>
    operationFields.map((field) => pick(operationSubjects[field], operation[field])).filter(says);
  return {
    permissions: rule.to.length === 0 ? [whenPermissions] : rule.to.map((operation) => [...ofOperation(operation), ...whenPermissions]),
    principals: rule.from.length === 0 ? [whenPrincipals] : rule.from.map((source) => [...ofSource(source), ...whenPrincipals]),
  };
}

function pick<S>(subject: S, { values, notValues }: Values): Term<S> {
  return { subject, values, notValues };
}

const says = (term: Values) => term.values.length > 0 || term.notValues.length > 0;

/**
 * A rule's terms as far as a transport can answer them. On TCP, what asks about HTTP cannot be answered: an ALLOW rule with such a term
 * allows nothing (undefined); any other rule loses the term and so widens: DENY of a method denies the connection. Both err towards denying.
 */
export function answerableTerms(rule: Rule, action: AuthzAction, transport: Transport): RuleTerms | undefined {
  const terms = termsOf(rule);
  if (transport === 'http') return terms;
  if (action === 'ALLOW' && [...terms.permissions, ...terms.principals].flat().some((term) => isHttpOnly(term.subject))) return undefined;
  return {
    permissions: terms.permissions.map((list) => list.filter((term) => !isHttpOnly(term.subject))),
    principals: terms.principals.map((list) => list.filter((term) => !isHttpOnly(term.subject))),
  };
}
