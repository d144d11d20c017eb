/** RequestAuthentication as Envoy's jwt_authn filter: no token passes, a bad token is 401, a good one's claims become metadata. */
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { anyPack } from '@bufbuild/protobuf/wkt';
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

/** @param policies those that apply to the workload; their rules add up. @returns undefined when there is no rule */
export function compileRequestAuthentication(policies: readonly RequestAuthentication[], findJwks: FindJwks): HttpFilter | undefined {
  const rules = policies.flatMap((policy) => policy.rules);
  if (rules.length === 0) return undefined;
  const names = rules.map((_, index) => `origins-${index}`);
  const config: JwtAuthentication = create(JwtAuthenticationSchema, {
    providers: Object.fromEntries(rules.map((rule, index) => [names[index]!, compileProvider(rule, findJwks)])),
    rules: [
      {
        match: { pathSpecifier: { case: 'prefix', value: '/' } },
        requirementType: { case: 'requires', value: requirement(names) },
      },
    ],
    // A preflight carries no credentials (Fetch standard §3.3.5).
    bypassCorsPreflight: true,
  });
  return create(HttpFilterSchema, {
    name: 'envoy.filters.http.jwt_authn',
    configType: { case: 'typedConfig', value: anyPack(JwtAuthenticationSchema, config) },
  });
}

type Requirement = MessageInitShape<typeof JwtRequirementSchema>;

/** One issuer: its token or none. Several: a token of any, and each that is present must be good. */
function requirement(names: readonly string[]): Requirement {
  const provider = (name: string): Requirement => ({ requiresType: { case: 'providerName', value: name } });
  const any = (requirements: Requirement[]): Requirement => ({ requiresType: { case: 'requiresAny', value: { requirements } } });
  const goodOrMissing = names.map((name) => any([provider(name), { requiresType: { case: 'allowMissing', value: {} } }]));
  if (names.length === 1) return goodOrMissing[0]!;
  return any([...names.map(provider), { requiresType: { case: 'requiresAll', value: { requirements: goodOrMissing } } }]);
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
