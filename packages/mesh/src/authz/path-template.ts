/** Path templates of `paths`: `{*}` is one segment, `{**}` any number, at most once and as the last operator. */
import { quoteExpression } from './matchers.ts';

export function isPathTemplate(text: string): boolean {
  return text.includes('{*}') || text.includes('{**}');
}

/** Characters of a literal segment (Envoy `uri_template`, "Pattern Matching"); operators stand for these and `*`. */
const characters = "A-Za-z0-9\\-._~%!$&'()+,;:@=";
const literal = new RegExp(`^[${characters}]*$`);

/** @returns what is wrong with it, undefined when it can be compiled */
export function checkPathTemplate(text: string): string | undefined {
  if (!text.startsWith('/')) return 'a path template begins with "/"';
  const segments = text.slice(1).split('/');
  const last = segments.findLastIndex((segment) => segment === '{*}' || segment === '{**}');
  for (const [index, segment] of segments.entries()) {
    if (segment === '{**}' && index !== last) return '"{**}" must be the last operator';
    if (segment !== '{*}' && segment !== '{**}' && !literal.test(segment))
      return `segment "${segment}" holds a character a path template cannot`;
  }
  return undefined;
}

/** Envoy's spelling: `/path/*`, `/**` */
export function renderPathTemplate(text: string): string {
  return text.replaceAll('{*}', '*').replaceAll('{**}', '**');
}

/** The template as an anchored expression over a path without its query: `*` is one non-empty segment, `**` any number. */
export function pathTemplateExpression(text: string): RegExp {
  const source = text
    .split('/')
    .map((segment) => (segment === '{*}' ? `[${characters}*]+` : segment === '{**}' ? `[${characters}*/]*` : quoteExpression(segment)))
    .join('/');
  return new RegExp(`^${source}$`, 's');
}
