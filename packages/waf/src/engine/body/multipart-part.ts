import { Target } from '../variables/target.ts';
import { parseDisposition } from './content-disposition.ts';
import { type MultipartContext, MultipartError } from './multipart-flags.ts';

/** One part while it is read. */
export interface Part {
  readonly headers: Map<string, { readonly line: string; value: string }>;
  lastHeader: string | undefined;
  isInHeaders: boolean;
  name: string;
  filename: string | undefined;
  readonly data: string[];
  /** Of its content in the body. */
  offset: number;
}

export const newPart = (): Part => ({
  headers: new Map(),
  lastHeader: undefined,
  isInHeaders: true,
  name: '',
  filename: undefined,
  data: [],
  offset: 0,
});

const MAX_HEADER_BYTES = 4096;
const invalid = (what: string): MultipartError => new MultipartError(`Multipart: Invalid part header (${what}).`);

/** Read one line of a part's head; the empty one ends it. */
export function readHeaderLine(part: Part, line: string, context: MultipartContext, partHeaders: Target[]): void {
  const { flags, trace } = context;
  if (line.includes('\0')) throw new MultipartError('Multipart: Nul byte in part headers.');
  const text = line.replace(/\r?\n$/, '');
  if (text === '') {
    finishHeaders(part, context);
    for (const header of part.headers.values()) partHeaders.push(new Target(part.name, header.line));
    return;
  }
  if (/^\s/.test(text)) {
    flags.HEADER_FOLDING = 1;
    if (/^\s*[^\S \t]/.test(text)) flags.INVALID_HEADER_FOLDING = 1;
    const header = part.lastHeader === undefined ? undefined : part.headers.get(part.lastHeader);
    if (!header) throw new MultipartError('Multipart: Invalid part header (folding error).');
    header.value += ` ${text.trimStart()}`;
    if (header.value.length > MAX_HEADER_BYTES) throw new MultipartError('Multipart: Part header too long.');
    return;
  }
  const colon = text.indexOf(':');
  if (colon < 0) throw invalid('colon missing');
  if (colon === 0) throw invalid('header name missing');
  const written = text.slice(0, colon);
  if (/[^\x21-\x7e]/.test(written)) throw invalid('contains invalid character');
  const name = written.toLowerCase();
  if (part.headers.has(name)) throw new MultipartError(`Multipart: Duplicate part header: ${written}.`);
  const value = text.slice(colon + 1).trimStart();
  part.headers.set(name, { line: text, value });
  part.lastHeader = name;
  trace?.(9, `Multipart: Added part header "${written}" "${value}".`);
}

function finishHeaders(part: Part, { flags, trace, profile }: MultipartContext): void {
  const header = part.headers.get('content-disposition');
  if (!header) throw new MultipartError('Multipart: Part missing Content-Disposition header.');
  const { name, filename, extendedFilename, hasInvalidQuoting, error } = parseDisposition(header.value, profile);
  if (hasInvalidQuoting) flags.INVALID_QUOTING = 1;
  if (name !== undefined) trace?.(9, `Multipart: Content-Disposition name: ${name}.`);
  if (filename !== undefined) trace?.(9, `Multipart: Content-Disposition filename: ${filename}.`);
  else if (extendedFilename !== undefined) trace?.(4, `Multipart: Warning: no filename= but filename*: ${extendedFilename}.`);
  if (error !== undefined) throw new MultipartError(`Multipart: Invalid Content-Disposition header (${error}): ${header.value}`);
  if (name === undefined) throw new MultipartError('Multipart: Content-Disposition header missing name field.');
  // A back end that reads crudely must see the same file name.
  if (filename !== undefined && !header.value.includes('filename='))
    throw new MultipartError('Multipart: Invalid Content-Disposition header (white space in filename parameter).');
  part.name = name;
  // Go's parser, behind Coraza, gives the application the extended one.
  part.filename = (profile === 'coraza' ? extendedFilename : undefined) ?? filename;
  part.isInHeaders = false;
}
