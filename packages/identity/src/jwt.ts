/** Tokens against one issuer's keys (RFC 7519, RFC 7515), as Envoy's `jwt_authn` judges them. */
import { compactVerify, createLocalJWKSet, decodeProtectedHeader, importJWK, type JSONWebKeySet, type JWK } from 'jose';
import { IdentityError } from './identity-error.ts';

export interface JwtIssuer {
  readonly issuer: string;
  /** Any one of them suffices; empty = every audience. */
  readonly audiences: readonly string[];
  readonly jwks: JSONWebKeySet;
}

export type JwtClaims = Readonly<Record<string, unknown>>;
export type JwtCode = 'malformed' | 'wrong-issuer' | 'wrong-audience' | 'expired' | 'not-yet-valid' | 'no-matching-key' | 'bad-signature';
export type JwtVerdict =
  | { readonly ok: true; readonly claims: JwtClaims }
  | { readonly ok: false; readonly code: JwtCode; readonly reason: string };

export interface JwtVerifier {
  /** Never throws. */
  verify(token: string, now: Date): Promise<JwtVerdict>;
}

/** Envoy's default `clock_skew_seconds`. */
const clockSkewSeconds = 60;
const algorithms = ['ES256', 'ES384', 'ES512', 'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'EdDSA', 'HS256', 'HS384', 'HS512'];
const maxTokenBytes = 65_536;

/** Parses inline or fetched keys; a set that holds no usable key is refused, never taken as "accept all". */
export async function parseJwks(text: string): Promise<JSONWebKeySet> {
  let value: unknown;
  try {
    value = JSON.parse(text);
    createLocalJWKSet(value as JSONWebKeySet);
  } catch (cause) {
    throw new IdentityError('bad-jwks', 'The JSON Web Key Set cannot be read: expected {"keys": [...]}', { cause });
  }
  const { keys } = value as JSONWebKeySet;
  const usable = await Promise.all(
    keys.map((key) =>
      importJWK(key, key.alg ?? defaultAlgorithm(key)).then(
        () => true,
        () => false,
      ),
    ),
  );
  if (!usable.includes(true)) throw new IdentityError('bad-jwks', `The JSON Web Key Set holds no usable key among its ${keys.length}`);
  return { keys: keys.filter((_, index) => usable[index]) };
}

export function createJwtVerifier(issuer: JwtIssuer): JwtVerifier {
  return {
    async verify(token, now) {
      if (token.length > maxTokenBytes) return failure('malformed', 'Jwt is over 64 KiB');
      const parsed = parse(token);
      if (parsed === undefined) return failure('malformed', 'Jwt is not in the form of Header.Payload.Signature');
      const refusal = judgeClaims(parsed.claims, issuer, now.getTime() / 1000);
      if (refusal !== undefined) return refusal;
      return verifySignature(token, parsed, issuer.jwks.keys);
    },
  };
}

interface ParsedToken {
  readonly alg: string;
  readonly kid: string | undefined;
  readonly claims: JwtClaims;
}

function parse(token: string): ParsedToken | undefined {
  try {
    const [, payload = '', ...rest] = token.split('.');
    const header = decodeProtectedHeader(token);
    const claims: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(payload, 'base64url')));
    if (rest.length !== 1 || typeof claims !== 'object' || claims === null || Array.isArray(claims)) return undefined;
    return { alg: String(header.alg), kid: typeof header.kid === 'string' ? header.kid : undefined, claims: claims as JwtClaims };
  } catch {
    return undefined;
  }
}

function judgeClaims(claims: JwtClaims, issuer: JwtIssuer, nowSeconds: number): JwtVerdict | undefined {
  if (claims['iss'] !== issuer.issuer) return failure('wrong-issuer', 'Jwt issuer is not configured');
  for (const name of ['exp', 'nbf', 'iat']) {
    if (claims[name] !== undefined && !Number.isFinite(claims[name])) return failure('malformed', `Jwt claim "${name}" is not a number`);
  }
  if (typeof claims['exp'] === 'number' && nowSeconds > claims['exp'] + clockSkewSeconds) return failure('expired', 'Jwt is expired');
  if (typeof claims['nbf'] === 'number' && nowSeconds < claims['nbf'] - clockSkewSeconds)
    return failure('not-yet-valid', 'Jwt not yet valid');
  const audiences = [claims['aud']].flat().filter((audience) => typeof audience === 'string');
  if (issuer.audiences.length > 0 && !audiences.some((audience) => issuer.audiences.includes(audience))) {
    return failure('wrong-audience', 'Audiences in Jwt are not allowed');
  }
  return undefined;
}

/** Every key that could have signed is tried: by `kid` when both sides name one, else all of the algorithm's family. */
async function verifySignature(token: string, { alg, kid, claims }: ParsedToken, keys: readonly JWK[]): Promise<JwtVerdict> {
  if (!algorithms.includes(alg)) return failure('malformed', `Jwt header [alg] is not supported`);
  const candidates = keys.filter((key) => fits(key, alg) && (kid === undefined || key.kid === undefined || key.kid === kid));
  for (const key of candidates) {
    try {
      await compactVerify(token, await importJWK(key, alg), { algorithms: [alg] });
      return { ok: true, claims };
    } catch {
      // The next key may fit.
    }
  }
  return candidates.length === 0
    ? failure('no-matching-key', 'Jwks doesn’t have key to match kid or alg from Jwt')
    : failure('bad-signature', 'Jwt verification fails');
}

const curves: Readonly<Record<string, string>> = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' };

/** An algorithm is bound to its key type: a public RSA key never becomes an HMAC secret. */
function fits(key: JWK, alg: string): boolean {
  if (key.use === 'enc' || (key.alg !== undefined && key.alg !== alg)) return false;
  if (alg.startsWith('HS')) return key.kty === 'oct';
  if (alg.startsWith('RS') || alg.startsWith('PS')) return key.kty === 'RSA';
  if (alg === 'EdDSA') return key.kty === 'OKP';
  return key.kty === 'EC' && key.crv === curves[alg];
}

function defaultAlgorithm(key: JWK): string {
  if (key.kty === 'RSA') return 'RS256';
  if (key.kty === 'oct') return 'HS256';
  if (key.kty === 'OKP') return 'EdDSA';
  return Object.entries(curves).find(([, curve]) => curve === key.crv)?.[0] ?? 'ES256';
}

function failure(code: JwtCode, reason: string): JwtVerdict {
  return { ok: false, code, reason };
}
