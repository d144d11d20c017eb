/** Path normalisation as the connection manager's options ask for it (Istio `pathNormalization`). */

export interface PathOptions {
  /** RFC 3986 dot segments, `\` to `/`, unreserved characters decoded, those that no path holds encoded. */
  readonly normalizes: boolean;
  readonly mergesSlashes: boolean;
  readonly escapedSlashes: 'keep' | 'reject' | 'unescape' | 'redirect';
}

export type PathResult =
  | { readonly ok: true; readonly path: string }
  | { readonly ok: false; readonly reason: string }
  | { readonly ok: 'redirect'; readonly path: string };

const special = /[.%\\#"<>^`{|}]|\/\//;

/**
 * The fragment goes in every mode. An unnormalised path is one reader's `/admin` and another's `/app/../admin`: everything after this
 * step sees only its result.
 *
 * @param target origin-form, with query
 */
export function normalizePath(target: string, options: PathOptions): PathResult {
  // Nearly every path: no dot, percent, backslash, doubled slash or character that no path holds in it.
  if (!special.test(target)) return { ok: true, path: target };
  const fragment = target.indexOf('#');
  const whole = fragment === -1 ? target : target.slice(0, fragment);
  const mark = whole.indexOf('?');
  let path = mark === -1 ? whole : whole.slice(0, mark);
  const query = mark === -1 ? '' : whole.slice(mark);
  let redirects = false;
  if (options.escapedSlashes !== 'keep' && /%(?:2f|5c)/i.test(path)) {
    if (options.escapedSlashes === 'reject') return { ok: false, reason: 'escaped slash in the path' };
    path = path.replace(/%2f/gi, '/').replace(/%5c/gi, '\\');
    redirects = options.escapedSlashes === 'redirect';
  }
  if (options.normalizes) {
    if (/%00/.test(path)) return { ok: false, reason: 'NUL in the path' };
    path = removeDotSegments(path.replaceAll('\\', '/').replace(/%([2-7][0-9a-f])/gi, decodeUnreserved)).replace(/["<>^`{|}]/g, encode);
  }
  if (options.mergesSlashes) path = path.replace(/\/{2,}/g, '/');
  return redirects ? { ok: 'redirect', path: path + query } : { ok: true, path: path + query };
}

function encode(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}

function decodeUnreserved(escaped: string, digits: string): string {
  const c = String.fromCharCode(Number.parseInt(digits, 16));
  return /[\w.~-]/.test(c) ? c : escaped;
}

/** RFC 3986 §5.2.4. A dot segment with a parameter (`..;x`) is one too: some servers read it so, and so does Envoy. */
function removeDotSegments(path: string): string {
  const out: string[] = [];
  const segments = path.split('/');
  segments.shift();
  segments.forEach((given, index) => {
    const segment = given.replace(/^(\.\.?);.*$/, '$1');
    const isLast = index === segments.length - 1;
    if (segment === '..') {
      out.pop();
      if (isLast) out.push('');
    } else if (segment === '.') {
      if (isLast) out.push('');
    } else out.push(segment);
  });
  return `/${out.join('/')}`;
}
