import type { AuditRecord } from '../../engine/transaction/audit.ts';
import { urlDecode } from '../../engine/transformations/url.ts';

/** Headers that prove who somebody is: logged as present, never with their value. */
const secretHeaders: ReadonlySet<string> = new Set(['authorization', 'proxy-authorization', 'cookie', 'set-cookie', 'x-api-key']);

/** A hidden value this short would blot out words that are none of it. */
const MIN_IN_TEXT = 4;

export function maskHeaders(
  headers: readonly (readonly [name: string, value: string])[],
  hidden: ReadonlySet<string>,
): (readonly [name: string, value: string])[] {
  return headers.map(([name, value]) => [name, isHiddenHeader(name, hidden) ? '***' : value]);
}

/** Whether a match at this variable was one with what is not to be shown. */
export function isHiddenVariable(variable: string, { names, requestHeaders, responseHeaders }: AuditRecord['hidden']): boolean {
  const [collection, header = ''] = variable.split(/:(.*)/s);
  if (collection === 'REQUEST_HEADERS') return isHiddenHeader(header, requestHeaders);
  if (collection === 'RESPONSE_HEADERS') return isHiddenHeader(header, responseHeaders);
  return names.has(variable);
}

function isHiddenHeader(name: string, hidden: ReadonlySet<string>): boolean {
  const lower = name.toLowerCase();
  return secretHeaders.has(lower) || hidden.has(lower);
}

/** The query of a request line. */
export function maskUri(requestLine: string, separator: string, hidden: readonly string[]): string {
  const [from, to] = querySpan(requestLine);
  return requestLine.slice(0, from) + maskForm(requestLine.slice(from, to), separator, hidden) + requestLine.slice(to);
}

function querySpan(requestLine: string): readonly [from: number, to: number] {
  const mark = requestLine.indexOf('?');
  if (mark < 0) return [requestLine.length, requestLine.length];
  const hash = requestLine.indexOf('#', mark);
  const end = requestLine.lastIndexOf(' ');
  return [mark + 1, hash >= 0 ? hash : end > mark ? end : requestLine.length];
}

/** Hidden values as they are, and as the query and the form spell them: rules over the whole of either quote them so. */
export function hiddenSpellings({ requestLine, requestBody, requestBodyProcessor, argumentSeparator, hidden }: AuditRecord): string[] {
  const secret = new Set(hidden.values);
  const forms = [requestLine.slice(...querySpan(requestLine)), requestBodyProcessor === 'URLENCODED' ? requestBody : ''];
  const spelled = forms.flatMap((form) => form.split(argumentSeparator).map((pair) => pair.slice(pair.indexOf('=') + 1)));
  return [...secret, ...spelled.filter((value) => secret.has(urlDecode(value)))];
}

/** Hidden values in a body, in the form its processor reads. */
export function maskBody(
  body: string,
  { requestBodyProcessor: processor, argumentSeparator }: Pick<AuditRecord, 'requestBodyProcessor' | 'argumentSeparator'>,
  hidden: readonly string[],
): string {
  if (hidden.length === 0 || body === '') return body;
  if (processor === 'URLENCODED') return maskForm(body, argumentSeparator, hidden);
  if (processor === 'MULTIPART') return blotAll(body, hidden);
  // Escapes and entities have too many spellings to search for.
  return `(${body.length} bytes with hidden values)`;
}

/** Hidden values where they are quoted. */
export function maskText(text: string, hidden: readonly string[]): string {
  return blotAll(
    text,
    hidden.filter((value) => value.length >= MIN_IN_TEXT),
  );
}

/** The longest first: one value may stand in another. */
function blotAll(text: string, hidden: readonly string[]): string {
  return hidden.toSorted((a, b) => b.length - a.length).reduce(blot, text);
}

function blot(text: string, value: string): string {
  return text.replaceAll(value, '*'.repeat(value.length));
}

function maskForm(text: string, separator: string, hidden: readonly string[]): string {
  if (hidden.length === 0) return text;
  const secret = new Set(hidden);
  return text
    .split(separator)
    .map((pair) => {
      const equals = pair.indexOf('=');
      if (equals < 0 || !secret.has(urlDecode(pair.slice(equals + 1)))) return pair;
      return pair.slice(0, equals + 1) + '*'.repeat(pair.length - equals - 1);
    })
    .join(separator);
}
