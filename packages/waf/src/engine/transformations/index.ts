import { base64Decode, base64DecodeExt, base64Encode } from './base64.ts';
import { lowercase, uppercase } from './case.ts';
import { cmdLine } from './cmd-line.ts';
import { removeComments, removeCommentsChar, replaceComments } from './comments.ts';
import {
  hexDecode,
  hexEncode,
  length,
  md5,
  parityEven7bit,
  parityOdd7bit,
  parityZero7bit,
  phpArgsNames,
  sha1,
  sqlHexDecode,
} from './encodings.ts';
import { cssDecode, escapeSeqDecode, jsDecode } from './escapes.ts';
import { htmlEntityDecode } from './html-entity.ts';
import { normalizePath, normalizePathWin } from './path.ts';
import type { UnicodeMap } from './url.ts';
import { urlDecode, urlDecodeUni, urlEncode } from './url.ts';
import { utf8toUnicode } from './utf8.ts';
import { compressWhitespace, removeNulls, removeWhitespace, replaceNulls, trim, trimLeft, trimRight } from './whitespace.ts';

/** Bytes in, bytes out (latin1 text). Returns the same string when nothing changes. */
export type Transformation = (value: string, unicodeMap?: UnicodeMap) => string;

const table: Readonly<Record<string, Transformation>> = {
  base64Decode,
  base64DecodeExt,
  base64Encode,
  cmdLine,
  compressWhitespace,
  cssDecode,
  escapeSeqDecode,
  hexDecode,
  hexEncode,
  htmlEntityDecode,
  jsDecode,
  length,
  lowercase,
  md5,
  normalizePath,
  normalizePathWin,
  parityEven7bit,
  parityOdd7bit,
  parityZero7bit,
  phpArgsNames,
  removeComments,
  removeCommentsChar,
  removeNulls,
  removeWhitespace,
  replaceComments,
  replaceNulls,
  sha1,
  sqlHexDecode,
  trim,
  trimLeft,
  trimRight,
  uppercase,
  urlDecode,
  urlDecodeUni,
  urlEncode,
  utf8toUnicode,
};

const aliases: Readonly<Record<string, string>> = {
  cmd_line: 'cmdline',
  normalisepath: 'normalizepath',
  normalisepathwin: 'normalizepathwin',
};

const byName = new Map(Object.entries(table).map(([name, run]) => [name.toLowerCase(), { name, run }]));

/** All of them, as documented. */
export const transformationNames: readonly string[] = Object.keys(table);

/** Canonical name and function of a transformation; undefined when unknown. `none` is not one: it clears the list. */
export function findTransformation(name: string): { readonly name: string; readonly run: Transformation } | undefined {
  const lower = name.toLowerCase();
  return byName.get(aliases[lower] ?? lower);
}
