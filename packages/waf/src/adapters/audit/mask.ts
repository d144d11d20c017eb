import { urlDecode } from '../../engine/transformations/url.ts';

/** Headers that prove who somebody is: logged as present, never with their value. */
const secretHeaders: ReadonlySet<string> = new Set(['authorization', 'proxy-authorization', 'cookie', 'set-cookie', 'x-api-key']);

/** A hidden value this short would blot out words that are none of it. */
const MIN_IN_TEXT = 4;

export function maskHeaders(
  headers: readonly (readonly [name: string, value: string])[],
  hidden: ReadonlySet<string>,
): (readonly [name: string, value: string])[] {
  return headers.map(([name, value]) => {
    const lower = name.toLowerCase();
    return [name, secretHeaders.has(lower) || hidden.has(lower) ? '***' : value];
  });
}

/** The query of a request line. */
export function maskUri(requestLine: string, hidden: readonly string[]): string {
  const mark = requestLine.indexOf('?');
  if (mark < 0 || hidden.length === 0) return requestLine;
  const end = requestLine.lastIndexOf(' ');
  const stop = end > mark ? end : requestLine.length;
  return requestLine.slice(0, mark + 1) + maskForm(requestLine.slice(mark + 1, stop), hidden) + requestLine.slice(stop);
}

/** Hidden values in a body, in the form its processor reads. */
export function maskBody(body: string, processor: string, hidden: readonly string[]): string {
  if (hidden.length === 0 || body === '') return body;
  if (processor === 'URLENCODED') return maskForm(body, hidden);
  if (processor === 'MULTIPART') return hidden.reduce(blot, body);
  // Escapes and entities have too many spellings to search for.
  return `(${body.length} bytes with hidden values)`;
}

/** Hidden values where they are quoted. */
export function maskText(text: string, hidden: readonly string[]): string {
  return hidden.filter((value) => value.length >= MIN_IN_TEXT).reduce(blot, text);
}

function blot(text: string, value: string): string {
  return text.replaceAll(value, '*'.repeat(value.length));
}

function maskForm(text: string, hidden: readonly string[]): string {
  const secret = new Set(hidden);
  return text
    .split(/([&;])/)
    .map((pair) => {
      const equals = pair.indexOf('=');
      if (equals < 0 || !secret.has(urlDecode(pair.slice(equals + 1)))) return pair;
      return pair.slice(0, equals + 1) + '*'.repeat(pair.length - equals - 1);
    })
    .join('');
}
