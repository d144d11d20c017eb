/** A slow, literal reading of Envoy's RBAC messages (config.rbac.v3), for tests that compare it with the evaluator. */
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import type { CidrRange } from '@palisade/xds/api/envoy/config/core/v3/address';
import type { Permission, Principal, RBAC } from '@palisade/xds/api/envoy/config/rbac/v3/rbac';
import type { HeaderMatcher } from '@palisade/xds/api/envoy/config/route/v3/route_components';
import { UriTemplateMatchConfigSchema } from '@palisade/xds/api/envoy/extensions/path/match/uri_template/v3/uri_template_match';
import type { MetadataMatcher } from '@palisade/xds/api/envoy/type/matcher/v3/metadata';
import type { StringMatcher } from '@palisade/xds/api/envoy/type/matcher/v3/string';
import type { ValueMatcher } from '@palisade/xds/api/envoy/type/matcher/v3/value';
import { cidrContains } from '../authz/cidr.ts';
import type { AuthzFacts } from '../authz/match.ts';

/** The key of a policy that matches, undefined when none does. */
export function interpretRbac(rbac: RBAC, facts: AuthzFacts): string | undefined {
  return Object.entries(rbac.policies).find(
    ([, policy]) => policy.permissions.some((rule) => permits(rule, facts)) && policy.principals.some((id) => identifies(id, facts)),
  )?.[0];
}

function permits({ rule }: Permission, facts: AuthzFacts): boolean {
  switch (rule.case) {
    case 'any':
      return rule.value;
    case 'andRules':
      return rule.value.rules.every((inner) => permits(inner, facts));
    case 'orRules':
      return rule.value.rules.some((inner) => permits(inner, facts));
    case 'notRule':
      return !permits(rule.value, facts);
    case 'header':
      return matchHeader(rule.value, facts);
    case 'urlPath':
      return rule.value.rule.case === 'path' && matchString(rule.value.rule.value, facts.http!.path);
    case 'uriTemplate': {
      const template = anyUnpack(rule.value.typedConfig!, UriTemplateMatchConfigSchema)!.pathTemplate;
      return matchTemplate(template.split('/'), facts.http!.path.split('/'));
    }
    case 'destinationPort':
      return rule.value === facts.destinationPort;
    case 'destinationIp':
      return matchCidr(rule.value, facts.destinationIp);
    case 'requestedServerName':
      return matchString(rule.value, facts.sni ?? '');
    default:
      throw new Error(`permission ${rule.case} is not read`);
  }
}

function identifies({ identifier }: Principal, facts: AuthzFacts): boolean {
  switch (identifier.case) {
    case 'any':
      return identifier.value;
    case 'andIds':
      return identifier.value.ids.every((inner) => identifies(inner, facts));
    case 'orIds':
      return identifier.value.ids.some((inner) => identifies(inner, facts));
    case 'notId':
      return !identifies(identifier.value, facts);
    case 'authenticated':
      return facts.peer !== undefined && matchString(identifier.value.principalName!, facts.peer);
    case 'directRemoteIp':
      return matchCidr(identifier.value, facts.sourceIp);
    case 'remoteIp':
      return matchCidr(identifier.value, facts.remoteIp);
    case 'header':
      return matchHeader(identifier.value, facts);
    case 'metadata':
      return matchMetadata(identifier.value, facts);
    default:
      throw new Error(`principal ${identifier.case} is not read`);
  }
}

function matchHeader({ name, headerMatchSpecifier }: HeaderMatcher, { http }: AuthzFacts): boolean {
  const pseudo: Readonly<Record<string, string>> = { ':method': http!.method, ':authority': http!.authority };
  const values = pseudo[name] === undefined ? (http!.headers.get(name.toLowerCase()) ?? []) : [pseudo[name]];
  if (headerMatchSpecifier.case === 'presentMatch') return values.length > 0;
  if (headerMatchSpecifier.case !== 'stringMatch') throw new Error(`header match ${headerMatchSpecifier.case} is not read`);
  return values.some((value) => matchString(headerMatchSpecifier.value, value));
}

function matchString({ matchPattern, ignoreCase }: StringMatcher, text: string): boolean {
  const fold = (value: string) => (ignoreCase ? value.toLowerCase() : value);
  switch (matchPattern.case) {
    case 'exact':
      return fold(text) === fold(matchPattern.value);
    case 'prefix':
      return fold(text).startsWith(fold(matchPattern.value));
    case 'suffix':
      return fold(text).endsWith(fold(matchPattern.value));
    case 'safeRegex':
      return new RegExp(`^(?:${matchPattern.value.regex})$`).test(text);
    default:
      throw new Error(`string match ${matchPattern.case} is not read`);
  }
}

function matchTemplate([first, ...rest]: string[], segments: string[]): boolean {
  if (first === undefined) return segments.length === 0;
  if (first === '**') return segments.length > 0 && segments.some((_, index) => matchTemplate(rest, segments.slice(index + 1)));
  const fits = first === '*' ? segments[0] !== '' : segments[0] === first;
  return segments.length > 0 && fits && matchTemplate(rest, segments.slice(1));
}

function matchCidr({ addressPrefix, prefixLen }: CidrRange, address: string): boolean {
  return cidrContains({ address: addressPrefix, prefixLength: prefixLen! }, address);
}

function matchMetadata({ filter, path, value }: MetadataMatcher, { http }: AuthzFacts): boolean {
  if (filter !== 'envoy.filters.http.jwt_authn') throw new Error(`metadata of ${filter} is not read`);
  let found: unknown = { payload: http?.claims };
  for (const { segment } of path) found = (found as Record<string, unknown> | undefined)?.[segment.value as string];
  return found !== undefined && matchValue(value!, found);
}

function matchValue({ matchPattern }: ValueMatcher, value: unknown): boolean {
  switch (matchPattern.case) {
    case 'stringMatch':
      return typeof value === 'string' && matchString(matchPattern.value, value);
    case 'listMatch':
      return Array.isArray(value) && value.some((item) => matchValue(matchPattern.value.matchPattern.value!, item));
    case 'orMatch':
      return matchPattern.value.valueMatchers.some((inner) => matchValue(inner, value));
    default:
      throw new Error(`value match ${matchPattern.case} is not read`);
  }
}
