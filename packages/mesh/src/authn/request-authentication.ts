/** RequestAuthentication as Envoy's jwt_authn filter: no token passes, a bad token is 401, a good one's claims become metadata. */
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { anyPack } from '@bufbuild/protobuf/wkt';
import type { RouteMatchSchema } from '@palisade/xds/api/envoy/config/route/v3/route_components';
import {
  type JwtAuthentication,
  JwtAuthenticationSchema,
  type JwtProviderSchema,
  type JwtRequirementSchema,
} from '@palisade/xds/api/envoy/extensions/filters/http/jwt_authn/v3/config';
import {
  type HttpFilter,
  HttpFilterSchema,
} from '@palisade/xds/api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager';
import { quoteExpression } from '../authz/matchers.ts';
import { selects, type WorkloadPlace } from '../authz/select.ts';

export interface RequestAuthentication {
  readonly namespace: string;
  readonly name: string;
  readonly createdSeconds: number;
  readonly selector?: Readonly<Record<string, string>>;
  readonly rules: readonly JwtRule[];
}

export interface JwtRule {
  readonly issuer: string;
  /** Any one of them; empty = every audience. */
  readonly audiences: readonly string[];
  /** JSON Web Key Set, inline. */
  readonly jwks?: string;
  /** Fetched by the control plane, never by the proxy. */
  readonly jwksUri?: string;
  /** Where the token stands; none of the three = `Authorization: Bearer` and query parameter `access_token`. */
  readonly fromHeaders: readonly TokenHeader[];
  readonly fromParams: readonly string[];
  readonly fromCookies: readonly string[];
  readonly payloadHeader?: string;
  readonly claimHeaders: readonly { readonly header: string; readonly claim: string }[];
  readonly isTokenForwarded: boolean;
}

export interface TokenHeader {
  readonly name: string;
  readonly prefix: string;
}

/** What one chain asks of tokens. */
export interface TokenRequirement {
  /** None = tokens are nobody's business. */
  readonly rules: readonly JwtRule[];
  /** false = a request without a token passes; a bad token never does. */
  readonly isRequired: boolean;
  /** Where tokens are looked at; none = on every path. A path fits when any of the triggers does. */
  readonly triggers: readonly PathTrigger[];
}

/** `included` empty = every path; what `excluded` matches is never included. Without the query. */
export interface PathTrigger {
  readonly included: readonly PathPattern[];
  readonly excluded: readonly PathPattern[];
}

export interface PathPattern {
  readonly kind: 'exact' | 'prefix' | 'suffix' | 'regex';
  readonly text: string;
}

/** By workload port, as `MergedMtls` has modes. */
export interface TokenPlan {
  readonly general: TokenRequirement;
  /** Ports that differ. */
  readonly ports: ReadonlyMap<number, TokenRequirement>;
}

/** Rules of several policies add up; none of them makes a token compulsory: that is an AuthorizationPolicy's to say. */
export function planTokens(policies: readonly RequestAuthentication[]): TokenPlan {
  return { general: { rules: policies.flatMap((policy) => policy.rules), isRequired: false, triggers: [] }, ports: new Map() };
}

/**
 * Stands for the keys of an issuer whose own could not be had: P-256, x = SHA-256("palisade: a key that nobody holds 0"), so that
 * nobody can know the private key (a test derives it again). Every token of that issuer is refused.
 */
export const nobodysKeys =
  '{"keys":[{"kty":"EC","crv":"P-256","kid":"nobody","x":"1tAppPczRK_F2m-fiO4uCoYHZgTtY_AndvfgaAplXJA","y":"-HTgODAo_60zgqQuTIURV8U8tDnv_H8HnzdU517uRbo"}]}';

/** @returns the fetched key set of a `jwksUri`, undefined while or when it cannot be had */
export type FindJwks = (jwksUri: string) => string | undefined;

export function selectRequestAuthentications(
  policies: readonly RequestAuthentication[],
  workload: WorkloadPlace,
  rootNamespace: string,
): RequestAuthentication[] {
  return policies
    .filter((policy) => policy.namespace === workload.namespace || policy.namespace === rootNamespace)
    .filter((policy) => selects(policy.selector, workload.labels))
    .sort((a, b) => a.createdSeconds - b.createdSeconds || (a.name < b.name ? -1 : 1));
}

/** @returns undefined when there is no rule */
export function compileTokens({ rules, isRequired, triggers }: TokenRequirement, findJwks: FindJwks): HttpFilter | undefined {
  if (rules.length === 0) return undefined;
  const names = rules.map((_, index) => `origins-${index}`);
  const requires = { case: 'requires' as const, value: isRequired ? required(names) : goodIfPresent(names) };
  const config: JwtAuthentication = create(JwtAuthenticationSchema, {
    providers: Object.fromEntries(rules.map((rule, index) => [names[index]!, compileProvider(rule, findJwks)])),
    rules: compileTriggers(triggers).map(({ pathSpecifier, asks }) => ({
      match: { pathSpecifier },
      ...(asks ? { requirementType: requires } : {}),
    })),
    // A preflight carries no credentials (Fetch standard §3.3.5).
    bypassCorsPreflight: true,
  });
  return create(HttpFilterSchema, {
    name: 'envoy.filters.http.jwt_authn',
    configType: { case: 'typedConfig', value: anyPack(JwtAuthenticationSchema, config) },
  });
}

type Requirement = MessageInitShape<typeof JwtRequirementSchema>;
const provider = (name: string): Requirement => ({ requiresType: { case: 'providerName', value: name } });
const anyOf = (requirements: Requirement[]): Requirement => ({ requiresType: { case: 'requiresAny', value: { requirements } } });

function required(names: readonly string[]): Requirement {
  return names.length === 1 ? provider(names[0]!) : anyOf(names.map(provider));
}

/** One issuer: its token or none. Several: a token of any, and each that is present must be good. */
function goodIfPresent(names: readonly string[]): Requirement {
  const goodOrMissing = names.map((name) => anyOf([provider(name), { requiresType: { case: 'allowMissing', value: {} } }]));
  if (names.length === 1) return goodOrMissing[0]!;
  return anyOf([...names.map(provider), { requiresType: { case: 'requiresAll', value: { requirements: goodOrMissing } } }]);
}

type PathSpecifier = NonNullable<MessageInitShape<typeof RouteMatchSchema>['pathSpecifier']>;
const everyPath: PathSpecifier = { case: 'prefix', value: '/' };

/** Envoy takes the first entry that fits, and asks nothing where none does: exclusions stand first. */
function compileTriggers(triggers: readonly PathTrigger[]): { pathSpecifier: PathSpecifier; asks: boolean }[] {
  if (triggers.length === 0) return [{ pathSpecifier: everyPath, asks: true }];
  return triggers.flatMap(({ included, excluded }) => [
    ...excluded.map((pattern) => ({ pathSpecifier: compilePath(pattern), asks: false })),
    ...(included.length === 0 ? [everyPath] : included.map(compilePath)).map((pathSpecifier) => ({ pathSpecifier, asks: true })),
  ]);
}

function compilePath({ kind, text }: PathPattern): PathSpecifier {
  const regex = (pattern: string): PathSpecifier => ({ case: 'safeRegex', value: { regex: pattern } });
  switch (kind) {
    case 'exact':
      return { case: 'path', value: text };
    case 'prefix':
      return { case: 'prefix', value: text };
    case 'suffix':
      return regex(`.*${quoteExpression(text)}`);
    case 'regex':
      return regex(text);
    default:
      return kind satisfies never;
  }
}

function compileProvider(rule: JwtRule, findJwks: FindJwks): MessageInitShape<typeof JwtProviderSchema> {
  const jwks = rule.jwks ?? (rule.jwksUri === undefined ? undefined : findJwks(rule.jwksUri)) ?? nobodysKeys;
  return {
    issuer: rule.issuer,
    audiences: [...rule.audiences],
    jwksSourceSpecifier: { case: 'localJwks', value: { specifier: { case: 'inlineString', value: jwks } } },
    forward: rule.isTokenForwarded,
    fromHeaders: rule.fromHeaders.map(({ name, prefix }) => ({ name, valuePrefix: prefix })),
    fromParams: [...rule.fromParams],
    fromCookies: [...rule.fromCookies],
    forwardPayloadHeader: rule.payloadHeader ?? '',
    claimToHeaders: rule.claimHeaders.map(({ header, claim }) => ({ headerName: header, claimName: claim })),
    payloadInMetadata: 'payload',
    normalizePayloadInMetadata: { spaceDelimitedClaims: ['scope', 'permission'] },
  };
}
