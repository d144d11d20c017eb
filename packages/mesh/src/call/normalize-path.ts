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
  const resolved = new URL(`http://host${decoded}`).pathname;
  return mode === 'BASE' ? resolved : resolved.replaceAll(/\/{2,}/g, '/');
}
