/** One HTTP route of a VirtualService. */
import { notYet, readFields, readList, readMap, readOptional, readString, refuse } from '../../resources/read.ts';
import { checkExpression } from '../../resources/regular-expression.ts';
import { type HeaderChanges, type Headers, type HttpAction, type HttpDestination, type HttpRoute, redirectStatuses } from './model.ts';
import { checkWeights, type Place, readDestination, readWeight } from './parse-destination.ts';
import { readHttpMatch } from './parse-match.ts';
import { checkHost, readPort } from './parse-names.ts';

type Fields = Readonly<Record<string, unknown>>;

const served = ['name', 'match', 'route', 'redirect', 'directResponse', 'rewrite', 'timeout', 'headers'];
const unserved = {
  ...notYet('delegate', 'fault', 'mirror', 'mirrors', 'mirrorPercent', 'mirror_percent', 'mirrorPercentage', 'corsPolicy'),
  retries: 'connections that could not be made are tried again, twice; nothing else is',
};

export function readHttpRoute(value: unknown, field: string, place: Place): HttpRoute {
  const route = readFields(value, field, served, unserved) ?? refuse(field, 'missing');
  const matches = (readList(route['match'], `${field}.match`) ?? []).map((item, index) =>
    readHttpMatch(item, `${field}.match[${index}]`, place.namespace),
  );
  const action = readAction(route, field, place);
  if (action.kind === 'forward' && action.rewrite?.uri !== undefined && matches.some(({ uri }) => uri?.kind === 'regex'))
    refuse(`${field}.rewrite.uri`, 'beside match.uri.regex use rewrite.uriRegexRewrite');
  return {
    name: readOptional(route['name'], `${field}.name`) ?? '',
    matches,
    action,
    headers: readHeaders(route['headers'], `${field}.headers`),
  };
}

function readAction(route: Fields, field: string, place: Place): HttpAction {
  const given = ['route', 'redirect', 'directResponse'].filter((name) => route[name] !== undefined && route[name] !== null);
  if (given.length !== 1) refuse(field, `found ${given.join(' and ') || 'none'} of route, redirect and directResponse, expected one`);
  if (given[0] !== 'route') {
    const lost = ['rewrite', 'timeout'].find((name) => route[name] !== undefined);
    if (lost !== undefined) refuse(`${field}.${lost}`, `has no meaning beside ${given[0]}`);
    return given[0] === 'redirect' ? readRedirect(route['redirect'], `${field}.redirect`) : readAnswer(route['directResponse'], field);
  }
  const destinations = (readList(route['route'], `${field}.route`) ?? []).map((item, index): HttpDestination => {
    const where = `${field}.route[${index}]`;
    const fields = readFields(item, where, ['destination', 'weight', 'headers']) ?? refuse(where, 'missing');
    return {
      destination: readDestination(fields['destination'], `${where}.destination`, place),
      weight: readWeight(fields['weight'], where),
      headers: readHeaders(fields['headers'], `${where}.headers`),
    };
  });
  const rewrite = readRewrite(route['rewrite'], `${field}.rewrite`);
  return {
    kind: 'forward',
    destinations: checkWeights(destinations, `${field}.route`),
    timeoutMs: readDuration(route['timeout'], `${field}.timeout`),
    ...(rewrite === undefined ? {} : { rewrite }),
  };
}

function readRewrite(value: unknown, field: string) {
  const rewrite = readFields(value, field, ['uri', 'authority', 'uriRegexRewrite']);
  if (rewrite === undefined) return undefined;
  const pattern = readFields(rewrite['uriRegexRewrite'], `${field}.uriRegexRewrite`, ['match', 'rewrite']);
  if (pattern !== undefined && rewrite['uri'] !== undefined) refuse(`${field}.uri`, 'cannot stand beside uriRegexRewrite');
  if (Object.values(rewrite).every((part) => part === undefined || part === null))
    refuse(field, 'says nothing: it needs uri, uriRegexRewrite or authority');
  if (pattern !== undefined)
    checkExpression(readString(pattern['match'], `${field}.uriRegexRewrite.match`), `${field}.uriRegexRewrite.match`);
  const replacement = `${field}.uriRegexRewrite.rewrite`;
  return {
    ...optional(rewrite, 'uri', field),
    ...optional(rewrite, 'authority', field),
    ...(pattern === undefined
      ? {}
      : { pattern: { match: String(pattern['match']), rewrite: checkText(readString(pattern['rewrite'], replacement), replacement) } }),
  };
}

const redirectNotYet = notYet('derivePort', 'prefixRewrite');

function readRedirect(value: unknown, field: string): HttpAction {
  const redirect = readFields(value, field, ['uri', 'authority', 'scheme', 'port', 'redirectCode'], redirectNotYet) ?? {};
  if (['uri', 'authority', 'scheme', 'port'].every((part) => redirect[part] === undefined || redirect[part] === null))
    refuse(field, 'leads nowhere: it needs uri, authority, scheme or port');
  const code = redirect['redirectCode'] ?? 301;
  const status =
    redirectStatuses.find((each) => each === code) ?? refuse(`${field}.redirectCode`, `found ${code}, expected 301, 302, 303, 307 or 308`);
  const scheme = redirect['scheme'];
  if (scheme !== undefined && scheme !== 'http' && scheme !== 'https')
    refuse(`${field}.scheme`, `found "${scheme}", expected http or https`);
  if (String(redirect['uri'] ?? '').includes('%PREFIX()%')) refuse(`${field}.uri`, '%PREFIX()% is not yet supported');
  if (redirect['authority'] !== undefined) checkHost(readString(redirect['authority'], `${field}.authority`), `${field}.authority`);
  return {
    kind: 'redirect',
    status,
    ...optional(redirect, 'uri', field),
    ...optional(redirect, 'authority', field),
    ...optional(redirect, 'scheme', field),
    ...(redirect['port'] === undefined ? {} : { port: readPort(redirect['port'], `${field}.port`) }),
  };
}

/** Every proxy is sent it with its routes (Istio's limit). */
const maxAnswerBytes = 1024 * 1024;

function readAnswer(value: unknown, parent: string): HttpAction {
  const field = `${parent}.directResponse`;
  const answer = readFields(value, field, ['status', 'body']) ?? {};
  const { status } = answer;
  if (typeof status !== 'number' || !Number.isInteger(status) || status < 200 || status > 599)
    refuse(`${field}.status`, `found ${JSON.stringify(status)}, expected a status, 200 to 599`);
  const body = readFields(answer['body'], `${field}.body`, ['string', 'bytes']);
  const encoded = body?.['bytes'];
  const content =
    encoded === undefined
      ? Buffer.from(readOptional(body?.['string'], `${field}.body.string`) ?? '')
      : Buffer.from(readString(encoded, `${field}.body.bytes`), 'base64');
  if (content.length > maxAnswerBytes) refuse(`${field}.body`, `has ${content.length} bytes, expected at most ${maxAnswerBytes}`);
  return { kind: 'answer', status, body: content.toString('utf8') };
}

function optional<Name extends string>(fields: Fields, name: Name, field: string): { readonly [Key in Name]?: string } {
  if (fields[name] === undefined) return {};
  return { [name]: checkText(readString(fields[name], `${field}.${name}`), `${field}.${name}`) } as { readonly [Key in Name]?: string };
}

function readHeaders(value: unknown, field: string): Headers {
  const headers = readFields(value, field, ['request', 'response']);
  return {
    request: readChanges(headers?.['request'], `${field}.request`),
    response: readChanges(headers?.['response'], `${field}.response`),
  };
}

function readChanges(value: unknown, field: string): HeaderChanges {
  const changes = readFields(value, field, ['set', 'add', 'remove']);
  const pairs = (name: 'set' | 'add') =>
    readMap(changes?.[name], `${field}.${name}`).map(
      ([header, text]) => [checkHeader(header, `${field}.${name}`), checkHeaderValue(text, `${field}.${name}[${header}]`)] as const,
    );
  const remove = (readList(changes?.['remove'], `${field}.remove`) ?? []).map((item, index) =>
    checkHeader(readString(item, `${field}.remove[${index}]`), `${field}.remove`),
  );
  return { set: pairs('set'), add: pairs('add'), remove };
}

function checkHeader(name: string, field: string): string {
  if (/^(?:host|:authority)$/i.test(name)) refuse(`${field}[${name}]`, 'use rewrite.authority');
  if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name)) refuse(`${field}[${name}]`, 'expected the name of a header');
  return name;
}

/** Proxies refuse what would end a line of a head, and with it every route beside it. */
function checkText(value: unknown, field: string): string {
  if (typeof value !== 'string' || /[^\t\x20-\x7e\x80-\xff]/.test(value)) refuse(field, 'expected a text that may stand in a header');
  return value;
}

/** Envoy reads `%NAME%` in values: only what means itself passes, so that no proxy makes something else of it. */
function checkHeaderValue(given: unknown, field: string): string {
  const value = checkText(given, field);
  if (value.replaceAll('%%', '').includes('%')) refuse(field, 'substitutions are not yet supported: write "%%" for "%"');
  return value;
}

const units: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

/** Go's spelling (`1m30s`). @returns milliseconds; 0 when absent */
function readDuration(value: unknown, field: string): number {
  if (value === undefined || value === null) return 0;
  const text = readString(value, field);
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|[hms])/g)];
  if (parts.map(([part]) => part).join('') !== text) refuse(field, `found "${text}", expected a duration such as 5s or 250ms`);
  const ms = parts.reduce((sum, [, number, unit]) => sum + Number(number) * units[unit!]!, 0);
  return Number.isInteger(ms) && ms > 0 ? ms : refuse(field, `found "${text}", expected whole milliseconds, more than none`);
}
