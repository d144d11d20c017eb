/**
 * Hostile requests as bytes, the verdict of this proxy, and Envoy's where it is another one (measured with 1.40). A fragment is 400 there
 * unless `http_reject_path_with_fragment` is off, as Istio sets it.
 */
import { messageCases } from './hostile/messages.ts';
import { targetCases } from './hostile/targets.ts';

export const hostileCases = [...messageCases, ...targetCases];

/** What the cases above mean by "denied". */
export const hostileRules = {
  action: 'DENY',
  policies: Object.fromEntries(
    [
      { header: { name: ':authority', string_match: { exact: 'secret', ignore_case: true } } },
      { url_path: { path: { exact: '/admin' } } },
      { header: { name: 'x-role', string_match: { exact: 'intern' } } },
    ].map((permission, index) => [`deny-${index}`, { permissions: [permission], principals: [{ any: true }] }]),
  ),
};

export const hostileManager = { strip_trailing_host_dot: true, path_with_escaped_slashes_action: 'UNESCAPE_AND_FORWARD' };
