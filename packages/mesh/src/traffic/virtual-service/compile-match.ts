/** `match` of an HTTP route as Envoy's. */
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { HeaderMatcherSchema, RouteMatchSchema } from '@palisade/xds/api/envoy/config/route/v3/route_components';
import type { StringMatcherSchema } from '@palisade/xds/api/envoy/type/matcher/v3/string';
import { compileExpression } from '../../resources/regular-expression.ts';
import type { HttpMatch, StringMatch } from './model.ts';

type RouteMatch = MessageInitShape<typeof RouteMatchSchema>;
type HeaderMatcher = MessageInitShape<typeof HeaderMatcherSchema>;

export const everyRequest: RouteMatch = { pathSpecifier: { case: 'prefix', value: '/' } };

export function compileMatch(match: HttpMatch): RouteMatch {
  const pseudo = [
    [':method', match.method],
    [':authority', match.authority],
  ] as const;
  return {
    pathSpecifier: pathOf(match.uri),
    ...(match.isUriCaseIgnored ? { caseSensitive: false } : {}),
    headers: [
      ...pseudo.flatMap(([name, wanted]) => (wanted === undefined ? [] : [headerMatcher(name, wanted)])),
      ...[...match.headers].map(([name, wanted]) => headerMatcher(name, wanted)),
      ...[...match.withoutHeaders].map(([name, wanted]) => without(headerMatcher(name, wanted))),
    ],
    queryParameters: [...match.queryParams].map(([name, wanted]) => ({
      name,
      queryParameterMatchSpecifier:
        wanted === undefined
          ? { case: 'presentMatch' as const, value: true }
          : { case: 'stringMatch' as const, value: stringMatcher(wanted) },
    })),
  };
}

function pathOf(uri: StringMatch | undefined): NonNullable<RouteMatch['pathSpecifier']> {
  if (uri === undefined) return { case: 'prefix', value: '/' };
  switch (uri.kind) {
    case 'exact':
      return { case: 'path', value: uri.value };
    case 'prefix':
      return { case: 'prefix', value: uri.value };
    case 'regex':
      return { case: 'safeRegex', value: { regex: uri.value } };
    default:
      return uri.kind satisfies never;
  }
}

function headerMatcher(name: string, wanted: StringMatch | undefined): HeaderMatcher {
  return {
    name,
    headerMatchSpecifier:
      wanted === undefined ? { case: 'presentMatch', value: true } : { case: 'stringMatch', value: stringMatcher(wanted) },
  };
}

/** A request without the header is one without that value of it. */
function without(matcher: HeaderMatcher): HeaderMatcher {
  return { ...matcher, invertMatch: true, treatMissingHeaderAsEmpty: matcher.headerMatchSpecifier?.case === 'stringMatch' };
}

function stringMatcher({ kind, value }: StringMatch): MessageInitShape<typeof StringMatcherSchema> {
  switch (kind) {
    case 'exact':
      return { matchPattern: { case: 'exact', value } };
    case 'prefix':
      return { matchPattern: { case: 'prefix', value } };
    case 'regex':
      return { matchPattern: { case: 'safeRegex', value: { regex: value } } };
    default:
      return kind satisfies never;
  }
}

/** The scheme is known with the listener: no proxy has to look. */
export function schemeFits(wanted: StringMatch | undefined, scheme: string): boolean {
  if (wanted === undefined) return true;
  switch (wanted.kind) {
    case 'exact':
      return wanted.value === scheme;
    case 'prefix':
      return scheme.startsWith(wanted.value);
    case 'regex':
      return compileExpression(wanted.value).test(scheme);
    default:
      return wanted.kind satisfies never;
  }
}
