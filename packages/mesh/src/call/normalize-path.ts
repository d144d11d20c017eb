import type { PathNormalization } from '../inbound/input.ts';

const unreserved = /[\w.~-]/;

/**
 * A path as a proxy's normalisation leaves it before routes and rules look (Istio's modes): without query and fragment in all of them.
 *
 * @param path begins with `/`
 */
export function normalizePath(path: string, mode: PathNormalization): string {
  const plain = path.replace(/[?#].*$/s, '');
  if (mode === 'NONE') return plain;
  const slashes = mode === 'DECODE_AND_MERGE_SLASHES' ? plain.replaceAll(/%2f/gi, '/').replaceAll(/%5c/gi, '\\') : plain;
  const decoded = slashes.replaceAll(/%([0-9a-f]{2})/gi, (code, hex: string) => {
    const character = String.fromCharCode(Number.parseInt(hex, 16));
    return unreserved.test(character) ? character : code;
  });
  // A dot segment with a parameter is one too, and `|` is encoded: so proxies do, where the URL standard does not.
  const resolved = new URL(`http://host${decoded.replaceAll(/(\/\.\.?);[^/]*/g, '$1')}`).pathname.replaceAll('|', '%7C');
  return mode === 'BASE' ? resolved : resolved.replaceAll(/\/{2,}/g, '/');
}
