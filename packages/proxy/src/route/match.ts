/** `envoy.config.route.v3.RouteMatch`. */
import { type RouteMatch, RouteMatchSchema } from '@palisade/xds/api/envoy/config/route/v3/route_components';
import { FractionalPercent_DenominatorType as Denominator } from '@palisade/xds/api/envoy/type/v3/percent';
import { refuseUnread } from '../config/registry.ts';
import { compileHeaderMatcher } from '../match/header-matcher.ts';
import { compileUriTemplate, queryOf } from '../match/path.ts';
import { compileRegex } from '../match/regex.ts';
import { compileStringMatcher } from '../match/string-matcher.ts';
import { ProxyError, unsupported } from '../proxy-error.ts';
import type { CompiledRoute } from './route.ts';

type Test = CompiledRoute['matches'];
const read = [
  'prefix',
  'path',
  'safe_regex',
  'path_separated_prefix',
  'path_match_policy',
  'case_sensitive',
  'headers',
  'query_parameters',
  'runtime_fraction',
];

export function compileRouteMatch(match: RouteMatch | undefined, where: string): Test {
  if (match === undefined) throw new ProxyError('bad-config', `${where}: match is missing`);
  refuseUnread(RouteMatchSchema, match, read, where);
  const tests: Test[] = [pathTest(match, where)];
  for (const header of match.headers) {
    const test = compileHeaderMatcher(header, where);
    tests.push((request) => test(request));
  }
  for (const parameter of match.queryParameters) {
    const spec = parameter.queryParameterMatchSpecifier;
    const test = spec.case === 'stringMatch' ? compileStringMatcher(spec.value, where) : undefined;
    tests.push((request) => {
      const value = queryOf(request.path).get(parameter.name);
      return value !== null && (test === undefined || test(value));
    });
  }
  const fraction = match.runtimeFraction?.defaultValue;
  if (fraction !== undefined) {
    const of = { [Denominator.HUNDRED]: 100, [Denominator.TEN_THOUSAND]: 10_000, [Denominator.MILLION]: 1_000_000 }[fraction.denominator];
    tests.push((_request, _path, random) => random() * of < fraction.numerator);
  }
  if (tests.length === 1) return tests[0]!;
  return (request, path, random) => tests.every((test) => test(request, path, random));
}

function pathTest(match: RouteMatch, where: string): Test {
  const specifier = match.pathSpecifier;
  const ignoreCase = match.caseSensitive === false;
  const fold = (text: string) => (ignoreCase ? text.toLowerCase() : text);
  switch (specifier.case) {
    case 'prefix': {
      const prefix = fold(specifier.value);
      if (prefix === '') return () => true;
      // The usual catch-all; only `OPTIONS *` has a path without a slash.
      if (prefix === '/') return (_request, path) => path.charCodeAt(0) === 47;
      return (request) => fold(request.path).startsWith(prefix);
    }
    case 'path': {
      const wanted = fold(specifier.value);
      return (_request, path) => fold(path) === wanted;
    }
    case 'pathSeparatedPrefix': {
      const wanted = fold(specifier.value);
      return (_request, path) => fold(path) === wanted || fold(path).startsWith(`${wanted}/`);
    }
    case 'safeRegex': {
      const regex = compileRegex(specifier.value.regex, where);
      return (_request, path) => regex.test(path);
    }
    case 'pathMatchPolicy': {
      const test = compileUriTemplate(specifier.value, where);
      return (request) => test(request);
    }
    default:
      throw unsupported(where, `path specifier "${specifier.case ?? 'nothing'}"`);
  }
}
