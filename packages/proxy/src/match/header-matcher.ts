/**
 * `envoy.config.route.v3.HeaderMatcher`. A repeated header matches when any one of its values does: joining the values first is how
 * rules were escaped (CVE-2020-25017, CVE-2026-26308).
 */
import type { HeaderMatcher } from '@palisade/xds/api/envoy/config/route/v3/route_components';
import type { RequestFacts } from '../facts.ts';
import { ProxyError } from '../proxy-error.ts';
import { compileRegex } from './regex.ts';
import { compileStringMatcher, type StringTest } from './string-matcher.ts';

export type RequestTest = (request: RequestFacts) => boolean;

export function compileHeaderMatcher(matcher: HeaderMatcher, where: string): RequestTest {
  if (matcher.name === '') throw new ProxyError('bad-config', `${where}: a header match needs a name`);
  const name = matcher.name.toLowerCase();
  const spec = matcher.headerMatchSpecifier;
  const invert = matcher.invertMatch;
  if (spec.case === undefined || spec.case === 'presentMatch') {
    const wanted = (spec.case === undefined || spec.value) !== invert;
    return (request) => request.values(name).length > 0 === wanted;
  }
  const test = valueTest(spec, where);
  const whenMissing = matcher.treatMissingHeaderAsEmpty ? test('') !== invert : false;
  if (name === ':method') return (request) => test(request.method) !== invert;
  if (name === ':path') return (request) => test(request.path) !== invert;
  if (name === ':authority' || name === 'host') return (request) => test(request.authority) !== invert;
  return (request) => {
    const values = request.values(name);
    if (values.length === 0) return whenMissing;
    return (values.length === 1 ? test(values[0]!) : values.some(test)) !== invert;
  };
}

function valueTest(spec: Exclude<HeaderMatcher['headerMatchSpecifier'], { case: undefined | 'presentMatch' }>, where: string): StringTest {
  switch (spec.case) {
    case 'stringMatch':
      return compileStringMatcher(spec.value, where);
    case 'exactMatch':
      return (value) => value === spec.value;
    case 'prefixMatch':
      return (value) => value.startsWith(spec.value);
    case 'suffixMatch':
      return (value) => value.endsWith(spec.value);
    case 'containsMatch':
      return (value) => value.includes(spec.value);
    case 'safeRegexMatch': {
      const regex = compileRegex(spec.value.regex, where);
      return (value) => regex.test(value);
    }
    case 'rangeMatch': {
      const { start, end } = spec.value;
      return (value) => /^-?\d{1,18}$/.test(value) && BigInt(value) >= start && BigInt(value) < end;
    }
    default:
      throw new Error(spec satisfies never);
  }
}
