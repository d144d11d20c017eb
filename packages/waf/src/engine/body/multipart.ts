import { Target } from '../variables/target.ts';
import { parseDisposition } from './content-disposition.ts';

/** One file of a form. */
export interface UploadedFile {
  readonly name: string;
  readonly filename: string;
  readonly content: string;
}

/** ModSecurity's MULTIPART_… flags, each 0 or 1. */
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

export interface MultipartResult {
  readonly args: Target[];
  readonly files: UploadedFile[];
  /** Key: part name; value: the whole header line. */
  readonly partHeaders: Target[];
  readonly flags: MultipartFlags;
  /** Bytes that are not file content. */
  readonly noFilesLength: number;
  readonly error: string | undefined;
}

export interface MultipartLimits {
  readonly maxFiles: number;
  readonly maxArgs: number;
}

interface Part {
  readonly headers: Map<string, { readonly line: string; value: string }>;
  lastHeader: string | undefined;
  isInHeaders: boolean;
  name: string;
  filename: string | undefined;
  data: string[];
}

class MultipartError extends Error {}

const MAX_HEADER_BYTES = 4096;

/** Parse a multipart/form-data body, line by line as ModSecurity does, with all its strictness flags. */
export function parseMultipart(contentType: string, body: string, limits: MultipartLimits): MultipartResult {
  const flags: MultipartFlags = {
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
  };
  const result = {
    args: [] as Target[],
    files: [] as UploadedFile[],
    partHeaders: [] as Target[],
    flags,
    noFilesLength: 0,
    error: undefined as string | undefined,
  };
  let hasCrlf = false;
  let hasLf = false;
  try {
    const boundary = readBoundary(contentType, flags);
    let part: Part | undefined;
    let isComplete = false;
    const finishPart = (): void => {
      if (!part) return;
      if (part.isInHeaders) {
        flags.INVALID_PART = 1;
        part = undefined;
        return;
      }
      const content = withoutLastLineEnd(part.data.join(''));
      if (part.filename === undefined) {
        result.noFilesLength += content.length;
        if (result.args.length >= limits.maxArgs) throw new MultipartError(`more than ${limits.maxArgs} arguments`);
        result.args.push(new Target(part.name, content));
      } else if (result.files.length >= limits.maxFiles) flags.FILE_LIMIT_EXCEEDED = 1;
      else result.files.push({ name: part.name, filename: part.filename, content });
      part = undefined;
    };
    for (let at = 0; at < body.length; ) {
      const lineEnd = body.indexOf('\n', at);
      const line = lineEnd < 0 ? body.slice(at) : body.slice(at, lineEnd + 1);
      at += line.length;
      if (isComplete) {
        if (line !== '\r\n' || at < body.length) flags.DATA_AFTER = 1;
        if (line.startsWith('--') && line.slice(2).startsWith(boundary)) throw new MultipartError('a boundary follows the final one');
        // An empty line after the end is what some clients send, and no data.
        continue;
      }
      const kind = line.startsWith('--') ? classifyBoundary(line, boundary, flags, at >= body.length) : 'data';
      if (kind !== 'data') {
        if (line.endsWith('\r\n')) hasCrlf = true;
        else if (line.endsWith('\n')) hasLf = true;
        finishPart();
        if (kind === 'final') isComplete = true;
        else part = { headers: new Map(), lastHeader: undefined, isInHeaders: true, name: '', filename: undefined, data: [] };
      } else if (!part) flags.DATA_BEFORE = 1;
      else if (part.isInHeaders) {
        if (line.endsWith('\r\n')) hasCrlf = true;
        else hasLf = true;
        result.noFilesLength += line.length;
        headerLine(part, line, flags, result.partHeaders);
      } else part.data.push(line);
    }
    if (!isComplete) {
      finishPart();
      throw new MultipartError('final boundary missing');
    }
  } catch (error) {
    if (!(error instanceof MultipartError)) throw error;
    result.error = `Multipart parsing error: ${error.message}`;
  }
  if (hasLf) flags.LF_LINE = 1;
  if (hasLf && hasCrlf) flags.CRLF_LF_LINES = 1;
  return result;
}

function withoutLastLineEnd(data: string): string {
  if (data.endsWith('\r\n')) return data.slice(0, -2);
  return data.endsWith('\n') ? data.slice(0, -1) : data;
}

/** The boundary parameter, read from the right places of Content-Type only. */
function readBoundary(contentType: string, flags: MultipartFlags): string {
  const lower = contentType.toLowerCase();
  const start = lower.indexOf('boundary');
  if (start < 0) throw new MultipartError('no boundary in Content-Type');
  if ((lower.match(/boundary[\t\n\v\f\r ]*=/g) ?? []).length > 1) throw new MultipartError('several boundaries in Content-Type');
  const before = contentType.slice('multipart/form-data'.length, start);
  if (/[^\s;]/.test(before) || (before.match(/;/g) ?? []).length > 1)
    throw new MultipartError('malformed Content-Type before the boundary');
  if (!before.includes(';')) flags.MISSING_SEMICOLON = 1;
  const equals = contentType.indexOf('=', start + 8);
  if (equals < 0) throw new MultipartError('boundary has no value');
  const gap = contentType.slice(start + 8, equals);
  if (/\S/.test(gap)) throw new MultipartError('malformed boundary parameter');
  let value = contentType.slice(equals + 1);
  // A parameter after an unquoted boundary (`; charset=UTF-8`) is tolerated, as in ModSecurity.
  if (!value.trimStart().startsWith('"')) value = value.replace(/;.*$/s, '');
  if (gap !== '' || /^\s/.test(value)) flags.BOUNDARY_WHITESPACE = 1;
  if (value.length >= 2 && value.startsWith('"') && value.endsWith('"')) {
    value = value.slice(1, -1);
    flags.BOUNDARY_QUOTED = 1;
  } else if (value.startsWith('"') || value.endsWith('"')) {
    throw new MultipartError('half-quoted boundary');
  }
  if (/boundary[\t\n\v\f\r ]*=/i.test(value)) throw new MultipartError('the boundary holds another boundary parameter');
  if (value === '') throw new MultipartError('empty boundary');
  if (!/^[\w'()+,\-./:=? ]+$/.test(value)) throw new MultipartError('bytes that may not stand in a boundary');
  return value;
}

function classifyBoundary(line: string, boundary: string, flags: MultipartFlags, isLast: boolean): 'data' | 'part' | 'final' {
  const rest = line.slice(2);
  if (rest.startsWith(boundary)) {
    const tail = rest.slice(boundary.length);
    const isFinal = tail.startsWith('--');
    const end = isFinal ? tail.slice(2) : tail;
    if (end === '\r\n' || end === '\n' || (end === '' && isFinal && isLast)) return isFinal ? 'final' : 'part';
    throw new MultipartError('malformed boundary line');
  }
  if (flags.BOUNDARY_QUOTED && rest.startsWith(`"${boundary}`)) throw new MultipartError('quoted boundary line');
  if (/^\s/.test(rest) && rest.trimStart().startsWith(boundary)) throw new MultipartError('white space before the boundary');
  flags.UNMATCHED_BOUNDARY = 1;
  return 'data';
}

function headerLine(part: Part, line: string, flags: MultipartFlags, partHeaders: Target[]): void {
  if (line.includes('\0')) throw new MultipartError('NUL byte in part headers');
  const text = line.replace(/\r?\n$/, '');
  if (text === '') {
    finishHeaders(part, flags);
    for (const header of part.headers.values()) partHeaders.push(new Target(part.name, header.line));
    return;
  }
  if (/^\s/.test(text)) {
    flags.HEADER_FOLDING = 1;
    if (text[0] !== ' ' && text[0] !== '\t') flags.INVALID_HEADER_FOLDING = 1;
    const header = part.lastHeader === undefined ? undefined : part.headers.get(part.lastHeader);
    if (!header) throw new MultipartError('folded line without a header before it');
    header.value += ` ${text.trimStart()}`;
    if (header.value.length > MAX_HEADER_BYTES) throw new MultipartError(`part header longer than ${MAX_HEADER_BYTES} bytes`);
    return;
  }
  const colon = text.indexOf(':');
  if (colon < 0) throw new MultipartError('part header without a colon');
  if (colon === 0) throw new MultipartError('part header without a name');
  const name = text.slice(0, colon).toLowerCase();
  if (part.headers.has(name)) throw new MultipartError(`part header ${JSON.stringify(name)} stands twice`);
  part.headers.set(name, { line: text, value: text.slice(colon + 1).trimStart() });
  part.lastHeader = name;
}

function finishHeaders(part: Part, flags: MultipartFlags): void {
  const header = part.headers.get('content-disposition');
  if (!header) throw new MultipartError('part without Content-Disposition');
  const disposition = parseDisposition(header.value);
  if (disposition.hasInvalidQuoting) flags.INVALID_QUOTING = 1;
  if (disposition.error !== undefined) throw new MultipartError(`Content-Disposition: ${disposition.error}`);
  if (disposition.name === undefined) throw new MultipartError('Content-Disposition without a name');
  // A back end that reads crudely must see the same file name.
  if (disposition.filename !== undefined && !header.value.includes('filename='))
    throw new MultipartError('Content-Disposition: white space in filename parameter');
  part.name = disposition.name;
  part.filename = disposition.filename;
  part.isInHeaders = false;
}
