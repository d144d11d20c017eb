/** Expressions that every data plane must read alike: RE2's syntax, bounded. */
import { refuse } from '../../resources/read.ts';

/** Istio refuses longer ones: a proxy compiles them for every route. */
const maxLength = 1024;

export function checkExpression(source: string, field: string): void {
  if (source.length > maxLength) refuse(field, `has ${source.length} characters, expected at most ${maxLength}`);
  if (/\(\?(?:[=!]|<[=!])/.test(source)) refuse(field, 'looks ahead or behind, which RE2 cannot');
  if (/(?:^|[^\\])(?:\\\\)*\\[1-9k]/.test(source)) refuse(field, 'refers back to a group, which RE2 cannot');
  const counts = [...source.matchAll(/\{(\d+)(?:,(\d*))?\}/g)].flatMap(([, low, high]) => [Number(low), Number(high || 0)]);
  if (counts.some((count) => count > 1000)) refuse(field, 'repeats more than 1000 times, which RE2 refuses');
  try {
    new RegExp(source.replace(/^\(\?[ims]+\)/, '').replaceAll('(?P<', '(?<'));
  } catch (error) {
    refuse(field, `"${source}" is no regular expression: ${(error as Error).message}`);
  }
}
