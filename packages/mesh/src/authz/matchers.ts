/** Istio's patterns as Envoy's matchers: `*` = not empty, `abc*` prefix, `*abc` suffix, anything else exact. */
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { HeaderMatcherSchema } from '@palisade/xds/api/envoy/config/route/v3/route_components';
import type { MetadataMatcherSchema } from '@palisade/xds/api/envoy/type/matcher/v3/metadata';
import type { StringMatcherSchema } from '@palisade/xds/api/envoy/type/matcher/v3/string';
import type { ValueMatcherSchema } from '@palisade/xds/api/envoy/type/matcher/v3/value';

export type StringMatch = MessageInitShape<typeof StringMatcherSchema>;
type ValueMatch = MessageInitShape<typeof ValueMatcherSchema>;
type MetadataMatch = MessageInitShape<typeof MetadataMatcherSchema>;

/** RE2's metacharacters: user text inside an expression stands for itself. */
export function quoteExpression(text: string): string {
  return text.replace(/[\\.+*?()|[\]{}^$]/g, '\\$&');
}

export function expression(regex: string): StringMatch {
  return { matchPattern: { case: 'safeRegex', value: { regex } } };
}

export const present = expression('.+');

export function stringMatch(pattern: string, options: { prefix?: string; ignoreCase?: boolean } = {}): StringMatch {
  const { prefix = '', ignoreCase = false } = options;
  if (pattern === '*') return present;
  const flags = ignoreCase ? { ignoreCase } : {};
  if (pattern.startsWith('*')) {
    const suffix = pattern.slice(1);
    return prefix === ''
      ? { matchPattern: { case: 'suffix', value: suffix }, ...flags }
      : expression(`${prefix}.*${quoteExpression(suffix)}`);
  }
  if (pattern.endsWith('*')) return { matchPattern: { case: 'prefix', value: prefix + pattern.slice(0, -1) }, ...flags };
  return { matchPattern: { case: 'exact', value: prefix + pattern }, ...flags };
}

/** Of a header `*` asks only that it is there, empty or not. */
export function headerMatch(
  name: string,
  pattern: string,
  options: { readonly ignoreCase?: boolean } = {},
): MessageInitShape<typeof HeaderMatcherSchema> {
  if (pattern === '*') return { name, headerMatchSpecifier: { case: 'presentMatch', value: true } };
  return { name, headerMatchSpecifier: { case: 'stringMatch', value: stringMatch(pattern, options) } };
}

function stringValue(match: StringMatch): ValueMatch {
  return { matchPattern: { case: 'stringMatch', value: match } };
}

function listValue(item: ValueMatch): ValueMatch {
  return { matchPattern: { case: 'listMatch', value: { matchPattern: { case: 'oneOf', value: item } } } };
}

function anyValue(values: readonly ValueMatch[]): ValueMatch {
  return values.length === 1 ? values[0]! : { matchPattern: { case: 'orMatch', value: { valueMatchers: [...values] } } };
}

function metadata(filter: string, path: readonly string[], value: ValueMatch): MetadataMatch {
  return { filter, path: path.map((key) => ({ segment: { case: 'key', value: key } })), value };
}

/** `[v]` asks for an item of a list, `v` for a text. */
export function filterMetadataMatch(filter: string, key: string, patterns: readonly string[]): MetadataMatch {
  const values = patterns.map((pattern) =>
    /^\[.*\]$/.test(pattern) ? listValue(stringValue(stringMatch(pattern.slice(1, -1)))) : stringValue(stringMatch(pattern)),
  );
  return metadata(filter, [key], anyValue(values));
}

const jwtFilter = 'envoy.filters.http.jwt_authn';

export function claimTextMatch(claim: string, match: StringMatch): MetadataMatch {
  return metadata(jwtFilter, ['payload', claim], stringValue(match));
}

/** A claim may be one text or a list of them (`aud`, RFC 7519 §4.1.3). */
export function claimMatch(path: readonly string[], patterns: readonly string[]): MetadataMatch {
  const value = anyValue(patterns.map((pattern) => stringValue(stringMatch(pattern))));
  return metadata(jwtFilter, ['payload', ...path], anyValue([listValue(value), value]));
}
