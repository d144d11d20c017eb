import { hexNumber, hexPair } from './hex.ts';
import { outputOf } from './output.ts';

/** Code page best-fit map: Unicode code point → byte (`SecUnicodeMapFile`). */
export type UnicodeMap = ReadonlyMap<number, number>;

const mayDecode = /[%+]/;

/** `%HH` and `+`; invalid escapes stay as they are. */
export function urlDecode(value: string): string {
  return mayDecode.test(value) ? decode(value, undefined) : value;
}

/**
 * As urlDecode, and IIS's `%uHHHH`: through the best-fit map when it knows the code point, else full-width forms
 * (FF01–FF5E) fold to ASCII and all others give their low byte.
 */
export function urlDecodeUni(value: string, map?: UnicodeMap): string {
  return mayDecode.test(value) ? decode(value, map ?? noMap) : value;
}

const noMap: UnicodeMap = new Map();

function decode(value: string, map: UnicodeMap | undefined): string {
  const out = outputOf(value.length);
  let written = 0;
  let isChanged = false;
  for (let at = 0; at < value.length; at++) {
    const code = value.charCodeAt(at);
    let byte = -1;
    let length = 1;
    if (code === 0x2b) byte = 0x20;
    else if (code === 0x25) {
      if (map !== undefined && (value.charCodeAt(at + 1) | 0x20) === 0x75) {
        const point = hexNumber(value, at + 2, 4);
        if (point >= 0) byte = bestFit(point, map);
        length = 6;
      } else {
        byte = hexPair(value, at + 1);
        length = 3;
      }
    }
    if (byte < 0) out[written++] = code;
    else {
      out[written++] = byte;
      at += length - 1;
      isChanged = true;
    }
  }
  return isChanged ? out.toString('latin1', 0, written) : value;
}

/** Byte for a code point of `%uHHHH`. */
export function bestFit(point: number, map: UnicodeMap): number {
  const mapped = map.get(point);
  if (mapped !== undefined) return mapped;
  return isFullWidth(point) ? (point & 0xff) + 0x20 : point & 0xff;
}

function isFullWidth(point: number): boolean {
  return point >= 0xff01 && point <= 0xff5e;
}

/** As Apache's: letters, digits and `*` stay, space becomes `+`. */
export function urlEncode(value: string): string {
  if (!/[^A-Za-z0-9*]/.test(value)) return value;
  return value.replace(/[^A-Za-z0-9*]/g, (c) => (c === ' ' ? '+' : `%${c.charCodeAt(0).toString(16).padStart(2, '0')}`));
}

/**
 * Parse one code page of a `unicode.mapping` file: blocks headed by a line with the page's number, then words
 * `HHHH:HH`. Undefined when the page is not in the file.
 */
export function parseUnicodeMap(text: string, codePage: number): UnicodeMap | undefined {
  let isInPage = false;
  const map = new Map<number, number>();
  for (const line of text.split('\n')) {
    const trimmed = line.trim();
    if (trimmed === '' || trimmed.startsWith('#')) continue;
    // The page's number stands alone, before a name in parentheses, or before the words.
    const heading = /^(\d{3,5})(?=\s|$)/.exec(trimmed);
    if (heading) {
      if (isInPage) break;
      isInPage = Number(heading[1]) === codePage;
    }
    if (!isInPage) continue;
    for (const pair of trimmed.matchAll(/([0-9a-fA-F]{4}):([0-9a-fA-F]{2})/g))
      map.set(Number.parseInt(pair[1]!, 16), Number.parseInt(pair[2]!, 16));
  }
  return map.size > 0 ? map : undefined;
}
