import { hexPair } from '../transformations/hex.ts';
import { urlDecode } from '../transformations/url.ts';
import { Target } from '../variables/target.ts';

export interface ParsedArguments {
  readonly args: Target[];
  /** A `%` without two hexadecimal digits: URLENCODED_ERROR. */
  readonly hasInvalidEncoding: boolean;
  /** More arguments than the limit; the rest was not read. */
  readonly isOverLimit: boolean;
}

/**
 * Split `a=1&b=2`. Empty pairs between separators count as arguments with an empty name, a trailing separator does
 * not (ModSecurity's parse_arguments).
 */
export function parseUrlEncoded(text: string, separator: string, limit: number): ParsedArguments {
  const args: Target[] = [];
  let hasInvalidEncoding = false;
  let at = 0;
  const decode = (part: string): string => {
    if (!part.includes('%') && !part.includes('+')) return part;
    hasInvalidEncoding ||= isInvalid(part);
    return urlDecode(part);
  };
  while (at < text.length) {
    if (args.length >= limit) return { args, hasInvalidEncoding, isOverLimit: true };
    let end = text.indexOf(separator, at);
    if (end < 0) end = text.length;
    const pair = text.slice(at, end);
    const equals = pair.indexOf('=');
    args.push(new Target(decode(equals < 0 ? pair : pair.slice(0, equals)), equals < 0 ? '' : decode(pair.slice(equals + 1))));
    at = end + 1;
  }
  return { args, hasInvalidEncoding, isOverLimit: false };
}

function isInvalid(part: string): boolean {
  for (let at = part.indexOf('%'); at >= 0; at = part.indexOf('%', at + 1)) if (hexPair(part, at + 1) < 0) return true;
  return false;
}
