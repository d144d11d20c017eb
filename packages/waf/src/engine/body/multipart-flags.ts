import type { Profile } from '../seclang/ast.ts';
import type { Trace } from '../transaction/state.ts';

/** ModSecurity's MULTIPART_… flags, each 0 or 1; UNMATCHED_BOUNDARY can be 2 (ModSecurity 3). */
export interface MultipartFlags {
  BOUNDARY_QUOTED: number;
  BOUNDARY_WHITESPACE: number;
  DATA_BEFORE: number;
  DATA_AFTER: number;
  HEADER_FOLDING: number;
  INVALID_HEADER_FOLDING: number;
  INVALID_PART: number;
  INVALID_QUOTING: number;
  LF_LINE: number;
  CRLF_LF_LINES: number;
  MISSING_SEMICOLON: number;
  FILE_LIMIT_EXCEEDED: number;
  UNMATCHED_BOUNDARY: number;
}

/** The body is no form as ModSecurity reads them; what was read before stays. */
export class MultipartError extends Error {}

/** While one body is read. */
export interface MultipartContext {
  readonly flags: MultipartFlags;
  readonly trace: Trace | undefined;
  readonly profile: Profile;
}

export const noFlags = (): MultipartFlags => ({
  BOUNDARY_QUOTED: 0,
  BOUNDARY_WHITESPACE: 0,
  DATA_BEFORE: 0,
  DATA_AFTER: 0,
  HEADER_FOLDING: 0,
  INVALID_HEADER_FOLDING: 0,
  INVALID_PART: 0,
  INVALID_QUOTING: 0,
  LF_LINE: 0,
  CRLF_LF_LINES: 0,
  MISSING_SEMICOLON: 0,
  FILE_LIMIT_EXCEEDED: 0,
  UNMATCHED_BOUNDARY: 0,
});

const warnings: readonly (readonly [keyof MultipartFlags, string])[] = [
  ['DATA_BEFORE', 'seen data before first boundary'],
  ['DATA_AFTER', 'seen data after last boundary'],
  ['BOUNDARY_QUOTED', 'boundary was quoted'],
  ['BOUNDARY_WHITESPACE', 'boundary whitespace in C-T header'],
  ['HEADER_FOLDING', 'header folding used'],
  ['CRLF_LF_LINES', 'mixed line endings used (CRLF/LF)'],
  ['LF_LINE', 'incorrect line endings used (LF)'],
  ['MISSING_SEMICOLON', 'missing semicolon in C-T header'],
  ['INVALID_QUOTING', 'invalid quoting used'],
  ['INVALID_PART', 'invalid part parsing'],
  ['INVALID_HEADER_FOLDING', 'invalid header folding used'],
];

export function traceFlags({ flags, trace }: MultipartContext): void {
  if (trace) for (const [flag, text] of warnings) if (flags[flag]) trace(4, `Multipart: Warning: ${text}.`);
}

/** MULTIPART_STRICT_ERROR: any of what a well-behaved browser never sends. */
export function isStrictError(flags: MultipartFlags): boolean {
  const { UNMATCHED_BOUNDARY: _, CRLF_LF_LINES: __, ...strict } = flags;
  return Object.values(strict).some((flag) => flag > 0);
}
