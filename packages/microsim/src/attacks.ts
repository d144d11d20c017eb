/** The attacks, and what their answers mean. */
import type { AttackKind } from './environment.ts';
import { formEncode } from './python-text.ts';

export type RequestAttack = Exclude<AttackKind, 'DGA' | 'Malware'>;

const passwords: Readonly<Record<RequestAttack, string>> = {
  SQLi: ';UNION SELECT 1, version() limit 1,1--',
  XSS: "pwd<script>alert('attacked')</script>",
  'Directory Traversal': '../../../../../passwd',
};

/** The victim's URL with the attack in its query, as the original sends it. */
export function attackUrl(kind: RequestAttack, victim: string): string {
  const url = new URL(victim);
  const query = formEncode({ username: 'joe@example.com', password: passwords[kind] });
  url.search = '';
  return `${url.href}?${query}`;
}

export type Outcome = 'blocked' | 'landed' | 'failed';

/**
 * 401 and 403 are a refusal, 5xx came from something on the way (the simulator's server answers 200 to everything); any other answer
 * means that the attack reached an application.
 */
export function judgeAnswer(status: number): Outcome {
  if (status === 401 || status === 403) return 'blocked';
  return status >= 500 ? 'failed' : 'landed';
}

/** Who refused, as far as the answer tells: `RBAC (istio-envoy)`, `Apache`, `unknown`. */
export function identifyBlocker(headers: ReadonlyMap<string, string>, body: string): string {
  const server = /^[\w.-]+/.exec(headers.get('server') ?? '')?.[0];
  const hint = /^RBAC: access denied/.test(body) ? 'RBAC' : /^Jwt /.test(body) ? 'JWT' : headers.get('x-palisade-blocked-by');
  if (hint !== undefined) return server === undefined ? hint : `${hint} (${server})`;
  return server ?? 'unknown';
}
