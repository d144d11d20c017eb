/** What the proxy's token filter says to a request, its signature taken to be good (Envoy's jwt_authn, and its words). */
import type { JwtRule, PathPattern, PathTrigger, TokenPlan } from '../authn/request-authentication.ts';
import { compileExpression } from '../resources/regular-expression.ts';

type Claims = Readonly<Record<string, unknown>>;

export interface TakenToken {
  /** What rules may ask about; none when no rule reads tokens of that kind. */
  readonly claims: Claims | undefined;
  /** false = the filter takes the token off the request. */
  readonly isForwarded: boolean;
}

export function judgeToken(
  plan: TokenPlan,
  port: number,
  path: string,
  token: Claims | undefined,
  nowSeconds: number,
): TakenToken | { readonly refusal: string; readonly status: 401 | 403 } {
  const { rules, isRequired, triggers } = plan.ports.get(port) ?? plan.general;
  if (rules.length === 0 || !isTriggered(triggers, path)) return untouched;
  if (token === undefined) return isRequired ? { refusal: 'Jwt is missing', status: 401 } : untouched;
  const issued = rules.filter(({ issuer }) => issuer === token['iss']);
  if (issued.length === 0) return { refusal: `Jwt issuer is not configured: "${String(token['iss'])}"`, status: 401 };
  const { exp, nbf } = token;
  if (typeof exp === 'number' && exp <= nowSeconds) return { refusal: 'Jwt is expired', status: 401 };
  if (typeof nbf === 'number' && nbf > nowSeconds) return { refusal: 'Jwt not yet valid', status: 401 };
  const taken = issued.find((rule) => isAudience(rule, token['aud']));
  if (taken === undefined) return { refusal: 'Audiences in Jwt are not allowed', status: 403 };
  const claims = Object.fromEntries(Object.entries(token).map(([name, value]) => [name, spread(name, value)]));
  return { claims, isForwarded: taken.isTokenForwarded };
}

const untouched: TakenToken = { claims: undefined, isForwarded: true };

/** Lists written as one text (RFC 8693 §4.2). */
function spread(name: string, value: unknown): unknown {
  return typeof value === 'string' && (name === 'scope' || name === 'permission') ? value.split(' ') : value;
}

function isAudience({ audiences }: JwtRule, found: unknown): boolean {
  const own = Array.isArray(found) ? found : [found];
  return audiences.length === 0 || audiences.some((audience) => own.includes(audience));
}

function isTriggered(triggers: readonly PathTrigger[], path: string): boolean {
  const any = (patterns: readonly PathPattern[]) => patterns.some((pattern) => fits(pattern, path));
  return triggers.length === 0 || triggers.some(({ included, excluded }) => (included.length === 0 || any(included)) && !any(excluded));
}

function fits({ kind, text }: PathPattern, path: string): boolean {
  switch (kind) {
    case 'exact':
      return path === text;
    case 'prefix':
      return path.startsWith(text);
    case 'suffix':
      return path.endsWith(text);
    case 'regex':
      return compileExpression(text).test(path);
    default:
      return kind satisfies never;
  }
}
