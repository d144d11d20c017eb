import { type MultipartContext, MultipartError } from './multipart-flags.ts';

const bad = (what: string): MultipartError => new MultipartError(`Multipart: Invalid boundary in C-T (${what}).`);

/** The boundary parameter, read from the right places of Content-Type only. */
export function readBoundary(contentType: string, { flags, trace }: MultipartContext): string {
  if ((contentType.match(/boundary[\t\n\v\f\r ]*=/gi) ?? []).length > 1)
    throw new MultipartError('Multipart: Multiple boundary parameters in C-T.');
  const start = contentType.indexOf('boundary');
  if (start < 0 && /boundary/i.test(contentType)) throw bad('case sensitivity');
  if (start < 0) throw new MultipartError('Multipart: Boundary not found in C-T.');
  const before = contentType.slice('multipart/form-data'.length, start);
  if (/[^\s;]/.test(before) || (before.match(/;/g) ?? []).length > 1) throw bad('malformed');
  if (!before.includes(';')) flags.MISSING_SEMICOLON = 1;
  const equals = contentType.indexOf('=', start + 8);
  if (equals < 0) throw bad('malformed');
  const gap = contentType.slice(start + 8, equals);
  if (/\S/.test(gap)) throw bad('parameter name');
  let value = contentType.slice(equals + 1);
  // A parameter after an unquoted boundary (`; charset=UTF-8`) is tolerated, as in ModSecurity.
  if (!value.trimStart().startsWith('"') && value.includes(';')) {
    trace?.(3, 'Multipart: Invalid parameter after boundary in C-T (tolerated).');
    value = value.replace(/;.*$/s, '');
  }
  if (gap !== '' || /^\s/.test(value)) flags.BOUNDARY_WHITESPACE = 1;
  if (value.length >= 2 && value.startsWith('"') && value.endsWith('"')) {
    value = value.slice(1, -1);
    flags.BOUNDARY_QUOTED = 1;
  } else if (value.startsWith('"') || value.endsWith('"')) throw bad('quote');
  if (/boundary[\t\n\v\f\r ]*=/i.test(value)) throw bad('content');
  if (value === '') throw bad('empty');
  // RFC 2046 §5.1.1: a space may stand in it, but not last.
  if (!/^[\w'()+,\-./:=? ]*[\w'()+,\-./:=?]$/.test(value)) throw bad('characters');
  trace?.(9, `Multipart: Boundary${flags.BOUNDARY_QUOTED ? ' (quoted)' : ''}: ${value}`);
  return value;
}

/** What a line that begins with `--` is. `isLast`: no line follows, so the final boundary needs no line end. */
export function classifyBoundary(line: string, boundary: string, { flags }: MultipartContext, isLast: boolean): 'data' | 'part' | 'final' {
  const rest = line.slice(2);
  if (rest.startsWith(boundary)) {
    const tail = rest.slice(boundary.length);
    const isFinal = tail.startsWith('--');
    const end = isFinal ? tail.slice(2) : tail;
    if (end === '\r\n' || end === '\n' || (end === '' && isFinal && isLast)) return isFinal ? 'final' : 'part';
    throw new MultipartError(`Multipart: Invalid boundary: ${line}`);
  }
  if (flags.BOUNDARY_QUOTED && rest.startsWith(`"${boundary}`)) throw new MultipartError('Multipart: Invalid boundary (quotes).');
  if (/^\s/.test(rest) && rest.trimStart().startsWith(boundary)) throw new MultipartError('Multipart: Invalid boundary (whitespace).');
  flags.UNMATCHED_BOUNDARY = 1;
  return 'data';
}
