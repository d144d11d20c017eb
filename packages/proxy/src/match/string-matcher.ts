/** `envoy.type.matcher.v3.StringMatcher`, compiled once. */
import type { StringMatcher } from '@palisade/xds/api/envoy/type/matcher/v3/string';
import { unsupported } from '../proxy-error.ts';
import { compileRegex } from './regex.ts';

export type StringTest = (value: string) => boolean;

export function compileStringMatcher(matcher: StringMatcher, where: string): StringTest {
  const { matchPattern: pattern, ignoreCase } = matcher;
  if (pattern.case === 'safeRegex') {
    const regex = compileRegex(pattern.value.regex, where);
    return (value) => regex.test(value);
  }
  if (pattern.case === undefined || pattern.case === 'custom') throw unsupported(where, `string match "${pattern.case ?? 'nothing'}"`);
  if (!ignoreCase) return plain(pattern.case, pattern.value);
  const test = plain(pattern.case, pattern.value.toLowerCase());
  return (value) => test(value.toLowerCase());
}

function plain(kind: 'exact' | 'prefix' | 'suffix' | 'contains', wanted: string): StringTest {
  switch (kind) {
    case 'exact':
      return (value) => value === wanted;
    case 'prefix':
      return (value) => value.startsWith(wanted);
    case 'suffix':
      return (value) => value.endsWith(wanted);
    case 'contains':
      return (value) => value.includes(wanted);
    default:
      throw new Error(kind satisfies never);
  }
}
