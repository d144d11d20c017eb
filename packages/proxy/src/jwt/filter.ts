/** `envoy.filters.http.jwt_authn`: no token passes unless required; a bad one is 401, one for another audience 403; missing keys fail closed. */
import type { JwtClaims, JwtVerifier } from '@palisade/identity/jwt';
import {
  type JwtAuthentication,
  JwtAuthenticationSchema,
  type JwtProvider,
  JwtProviderSchema,
  type JwtRequirement,
  type RequirementRule,
  RequirementRuleSchema,
} from '@palisade/xds/api/envoy/extensions/filters/http/jwt_authn/v3/config';
import { readDataSource } from '../config/data-source.ts';
import { headerName } from '../config/header-text.ts';
import { refuseUnread } from '../config/registry.ts';
import type { HttpFilter, LocalReply, RequestState } from '../http/request-state.ts';
import { queryOf, withoutQuery } from '../match/path.ts';
import { ProxyError, unsupported } from '../proxy-error.ts';
import { compileRouteMatch } from '../route/match.ts';
import type { Runtime } from '../runtime.ts';

const readProvider = [
  'issuer',
  'audiences',
  'local_jwks',
  'forward',
  'from_headers',
  'from_params',
  'from_cookies',
  'forward_payload_header',
  'payload_in_metadata',
  'normalize_payload_in_metadata',
];
const namespace = 'envoy.filters.http.jwt_authn';

/** undefined: passes. */
type Outcome = { readonly status: 401 | 403; readonly reason: string; readonly isMissing: boolean } | undefined;
type Check = (state: RequestState) => Promise<Outcome>;

const missing: Outcome = { status: 401, reason: 'Jwt is missing', isMissing: true };

export function compileJwt(config: JwtAuthentication, runtime: Runtime, where: string): HttpFilter {
  refuseUnread(JwtAuthenticationSchema, config, ['providers', 'rules', 'bypass_cors_preflight', 'requirement_map'], where);
  const providers = new Map(
    Object.entries(config.providers).map(([name, provider]) => [name, compileProvider(provider, runtime, `${where}, provider "${name}"`)]),
  );
  const rules = config.rules.map((rule) => {
    refuseUnread(RequirementRuleSchema, rule, ['match', 'requires', 'requirement_name'], where);
    return {
      matches: compileRouteMatch(rule.match, where),
      check: compileRequirement(requirementOf(rule, config, where), providers, where),
    };
  });
  // A client's own claim of a verified payload never passes.
  const payloadHeaders = Object.values(config.providers).flatMap((provider) =>
    provider.forwardPayloadHeader === '' ? [] : [headerName(provider.forwardPayloadHeader, where).toLowerCase()],
  );
  return async (state) => {
    state.removed.push(...payloadHeaders);
    const isPreflight =
      state.method === 'OPTIONS' && state.values('origin').length > 0 && state.values('access-control-request-method').length > 0;
    if (config.bypassCorsPreflight && isPreflight) return undefined;
    const path = withoutQuery(state.path);
    const rule = rules.find((one) => one.matches(state, path, runtime.random));
    const outcome = await rule?.check(state);
    return outcome === undefined ? undefined : refusal(outcome, state);
  };
}

/** A name that nothing stands for must not read as "requires nothing". */
function requirementOf({ requirementType: type }: RequirementRule, config: JwtAuthentication, where: string): JwtRequirement | undefined {
  if (type.case !== 'requirementName') return type.value;
  if (!Object.hasOwn(config.requirementMap, type.value))
    throw new ProxyError('bad-config', `${where}: requirement_name "${type.value}" is not defined`);
  return config.requirementMap[type.value];
}

function refusal({ status, reason }: NonNullable<Outcome>, state: RequestState): LocalReply {
  const realm = `http://${state.authority}${withoutQuery(state.path)}`.replaceAll('"', '%22');
  const error = reason === 'Jwt is missing' ? '' : ', error="invalid_token"';
  return {
    status,
    body: reason,
    headers: [`www-authenticate: Bearer realm="${realm}"${error}`],
    details: `jwt_authn_access_denied{${reason.replaceAll(' ', '_')}}`,
    flags: 'UAEX',
  };
}

function compileRequirement(requirement: JwtRequirement | undefined, providers: ReadonlyMap<string, Check>, where: string): Check {
  const type = requirement?.requiresType;
  const provider = (name: string): Check => {
    const found = providers.get(name);
    if (found === undefined) throw new ProxyError('bad-config', `${where}: provider "${name}" is not defined`);
    return found;
  };
  switch (type?.case) {
    case undefined:
      return async () => undefined;
    case 'providerName':
      return provider(type.value);
    case 'requiresAny': {
      const checks = type.value.requirements.map((inner) => compileRequirement(inner, providers, where));
      return async (state) => {
        let last: Outcome = missing;
        for (const check of checks) {
          const outcome = await check(state);
          if (outcome === undefined) return undefined;
          // A bad token says more than an absent one.
          if (last === missing || !outcome.isMissing) last = outcome;
        }
        return last;
      };
    }
    case 'requiresAll': {
      const checks = type.value.requirements.map((inner) => compileRequirement(inner, providers, where));
      return async (state) => {
        for (const check of checks) {
          const outcome = await check(state);
          if (outcome !== undefined) return outcome;
        }
        return undefined;
      };
    }
    case 'allowMissing': {
      const all = [...providers.values()];
      return async (state) => {
        let bad: Outcome;
        for (const check of all) {
          const outcome = await check(state);
          if (outcome === undefined) return undefined;
          if (!outcome.isMissing) bad = outcome;
        }
        return bad;
      };
    }
    case 'allowMissingOrFailed':
      return async (state) => {
        for (const check of providers.values()) if ((await check(state)) === undefined) break;
        return undefined;
      };
    default:
      throw unsupported(where, `requirement "${type?.case}"`);
  }
}

function compileProvider(provider: JwtProvider, runtime: Runtime, where: string): Check {
  refuseUnread(JwtProviderSchema, provider, readProvider, where);
  if (provider.jwksSourceSpecifier.case !== 'localJwks') throw unsupported(where, 'a key set that is not inline');
  const { issuer, audiences } = provider;
  if (issuer === '') throw unsupported(where, 'a provider without issuer');
  // A key set without a usable key verifies nothing (CVE-2026-31837 accepted everything).
  const verifier = loadVerifier(issuer, audiences, readDataSource(provider.jwksSourceSpecifier.value, where)).catch(() => undefined);
  const find = tokenFinder(provider);
  return async (state) => {
    const found = find(state);
    let first: JwtClaims | undefined;
    // All of them, as Envoy does: the application may read another one than the one that was looked at here.
    for (const { token } of found) {
      const verdict = await (await verifier)?.verify(token, new Date(runtime.now()));
      if (verdict === undefined) return { status: 401, reason: 'Jwks remote fetch is failed', isMissing: false };
      if (!verdict.ok) return { status: verdict.code === 'wrong-audience' ? 403 : 401, reason: verdict.reason, isMissing: false };
      first ??= verdict.claims;
    }
    if (first === undefined) return missing;
    publish(provider, first, found, state);
    return undefined;
  };
}

/** What checks signatures takes 15 MB: only a proxy whose configuration asks for tokens holds it. */
async function loadVerifier(issuer: string, audiences: readonly string[], keys: string): Promise<JwtVerifier> {
  const { createJwtVerifier, parseJwks } = await import('@palisade/identity/jwt');
  return createJwtVerifier({ issuer, audiences, jwks: await parseJwks(keys) });
}

interface Found {
  readonly token: string;
  /** Lower-case field it came in, removed unless `forward`. */
  readonly header: string | undefined;
}

/** Default places: `Authorization: Bearer`, then query `access_token`. @returns every token, in the order of the places */
function tokenFinder(provider: JwtProvider): (state: RequestState) => Found[] {
  const isDefault = provider.fromHeaders.length + provider.fromParams.length + provider.fromCookies.length === 0;
  const headers = isDefault
    ? [{ name: 'authorization', prefix: 'Bearer ' }]
    : provider.fromHeaders.map(({ name, valuePrefix }) => ({ name: name.toLowerCase(), prefix: valuePrefix }));
  const params = isDefault ? ['access_token'] : provider.fromParams;
  return (state) => {
    const found: Found[] = [];
    for (const { name, prefix } of headers) {
      for (const value of state.values(name)) {
        const at = prefix === '' ? 0 : value.indexOf(prefix);
        if (at >= 0) found.push({ token: value.slice(at + prefix.length).split(/[\s,;]/)[0] ?? '', header: name });
      }
    }
    const query = queryOf(state.path);
    for (const param of params) for (const token of query.getAll(param)) found.push({ token, header: undefined });
    for (const cookie of provider.fromCookies) {
      const pairs = state.values('cookie').flatMap((value) => value.split(/;\s*/));
      for (const pair of pairs) if (pair.startsWith(`${cookie}=`)) found.push({ token: pair.slice(cookie.length + 1), header: undefined });
    }
    return found;
  };
}

/** @param claims of the first token */
function publish(provider: JwtProvider, claims: JwtClaims, found: readonly Found[], state: RequestState): void {
  if (!provider.forward) for (const { header } of found) if (header !== undefined) state.removed.push(header);
  if (provider.forwardPayloadHeader !== '') {
    const name = provider.forwardPayloadHeader;
    state.added.push({ name, value: found[0]?.token.split('.')[1] ?? '' });
  }
  if (provider.payloadInMetadata === '') return;
  const spaced = provider.normalizePayloadInMetadata?.spaceDelimitedClaims ?? [];
  const payload = Object.fromEntries(
    Object.entries(claims).map(([key, value]) => [key, spaced.includes(key) && typeof value === 'string' ? value.split(' ') : value]),
  );
  state.metadata ??= {};
  state.metadata[namespace] = { ...(state.metadata[namespace] as object | undefined), [provider.payloadInMetadata]: payload };
}
