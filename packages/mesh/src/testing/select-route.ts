/** Envoy's choice of a route in a virtual host (route.v3 RouteMatch): the first of which everything fits. */
import type { HeaderMatcher, QueryParameterMatcher, Route } from '@palisade/xds/api/envoy/config/route/v3/route_components';
import type { StringMatcher } from '@palisade/xds/api/envoy/type/matcher/v3/string';

export interface ArrivingRequest {
  /** Without query. */
  readonly path: string;
  /** By name, first values. */
  readonly query: ReadonlyMap<string, string>;
  /** By lower-case name, pseudo headers among them. */
  readonly headers: ReadonlyMap<string, string>;
}

export function selectRoute(routes: readonly Route[], { path, query, headers }: ArrivingRequest): Route | undefined {
  return routes.find(({ match }) => {
    const isAnyCase = match?.caseSensitive === false;
    const cased = (text: string) => (isAnyCase ? text.toLowerCase() : text);
    const specifier = match!.pathSpecifier;
    const isPath =
      specifier.case === 'prefix'
        ? cased(path).startsWith(cased(specifier.value))
        : specifier.case === 'path'
          ? cased(path) === cased(specifier.value)
          : specifier.case === 'safeRegex' && isWhole(specifier.value.regex, path);
    return (
      isPath &&
      match!.headers.every((each) => headerFits(each, headers.get(each.name))) &&
      match!.queryParameters.every((each) => parameterFits(each, query.get(each.name)))
    );
  });
}

const isWhole = (regex: string, text: string) => new RegExp(`^(?:${regex})$`).test(text);

function headerFits({ headerMatchSpecifier, invertMatch, treatMissingHeaderAsEmpty }: HeaderMatcher, found: string | undefined): boolean {
  const value = found ?? (treatMissingHeaderAsEmpty ? '' : undefined);
  if (headerMatchSpecifier.case === 'presentMatch') return (value !== undefined) !== invertMatch;
  if (value === undefined || headerMatchSpecifier.case !== 'stringMatch') return false;
  return textFits(headerMatchSpecifier.value, value) !== invertMatch;
}

function parameterFits({ queryParameterMatchSpecifier }: QueryParameterMatcher, found: string | undefined): boolean {
  if (found === undefined) return false;
  return queryParameterMatchSpecifier.case !== 'stringMatch' || textFits(queryParameterMatchSpecifier.value, found);
}

function textFits({ matchPattern }: StringMatcher, text: string): boolean {
  switch (matchPattern.case) {
    case 'exact':
      return text === matchPattern.value;
    case 'prefix':
      return text.startsWith(matchPattern.value);
    case 'safeRegex':
      return isWhole(matchPattern.value.regex, text);
    default:
      throw new Error(`no such match here: ${matchPattern.case}`);
  }
}
