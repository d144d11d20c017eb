/** Expressions that every data plane must read alike: RE2's syntax, bounded. */
import { refuse } from './read.ts';

/** Istio refuses longer ones: a proxy compiles them for every route. */
const maxLength = 1024;

/** Letters that mean something after a backslash in RE2; others it refuses, and with them the proxy's whole configuration. */
const strangeEscape = /(?:^|[^\\])(?:\\\\)*(\\(?:[^\W\d_AabBCdDEfnpPQrsStvwWxz]|x(?![\dA-Fa-f]{2}|\{)|[pP](?![A-Z{])))/;

export function checkExpression(source: string, field: string): void {
  if (source.length > maxLength) refuse(field, `has ${source.length} characters, expected at most ${maxLength}`);
  if (/\(\?(?:[=!]|<[=!])/.test(source)) refuse(field, 'looks ahead or behind, which RE2 cannot');
  if (/(?:^|[^\\])(?:\\\\)*\\[1-9k]/.test(source)) refuse(field, 'refers back to a group, which RE2 cannot');
  const strange = strangeEscape.exec(source)?.[1];
  if (strange !== undefined) refuse(field, `"${strange}" means nothing in RE2`);
  const counts = [...source.matchAll(/\{(\d+)(?:,(\d*))?\}/g)].flatMap(([, low, high]) => [Number(low), Number(high || 0)]);
  if (counts.some((count) => count > 1000)) refuse(field, 'repeats more than 1000 times, which RE2 refuses');
  const { body, flags } = translate(source);
  try {
    new RegExp(body, flags);
  } catch (error) {
    refuse(field, `"${source}" is no regular expression: ${(error as Error).message}`);
  }
}

/** @param source as `checkExpression` lets pass. @returns the same, of the whole text, for what is decided here and not by a proxy */
export function compileExpression(source: string): RegExp {
  const { body, flags } = translate(source);
  return new RegExp(`^(?:${body})$`, flags);
}

/** The same for every place in a text that it matches. */
export function compileSearch(source: string): RegExp {
  const { body, flags } = translate(source);
  return new RegExp(body, `${flags}g`);
}

/** Flags for the whole of it stand in front in RE2, and groups' names have a `P`. */
function translate(source: string) {
  const given = /^\(\?([ims]+)\)/.exec(source);
  const body = (given === null ? source : source.slice(given[0].length)).replaceAll('(?P<', '(?<');
  return { body, flags: [...new Set(given?.[1])].join('') };
}
