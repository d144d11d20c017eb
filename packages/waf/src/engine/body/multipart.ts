import type { Profile } from '../seclang/ast.ts';
import type { Trace } from '../transaction/state.ts';
import { Target } from '../variables/target.ts';
import { classifyBoundary, readBoundary } from './multipart-boundary.ts';
import { isStrictError, type MultipartContext, MultipartError, type MultipartFlags, noFlags, traceFlags } from './multipart-flags.ts';
import { newPart, type Part, readHeaderLine } from './multipart-part.ts';

/** One file of a form. */
export interface UploadedFile {
  readonly name: string;
  readonly filename: string;
  readonly content: string;
}

export interface MultipartResult {
  readonly args: Target[];
  readonly files: UploadedFile[];
  /** Key: part name; value: the whole header line. */
  readonly partHeaders: Target[];
  readonly flags: MultipartFlags;
  readonly isStrictError: boolean;
  /** Bytes that are not file content. */
  readonly noFilesLength: number;
  readonly error: string | undefined;
}

export interface MultipartOptions {
  readonly maxFiles: number;
  readonly maxArgs: number;
  readonly profile: Profile;
  readonly trace?: Trace | undefined;
}

/** Parse a multipart/form-data body, line by line as ModSecurity does, with all its strictness flags. */
export function parseMultipart(contentType: string, body: string, options: MultipartOptions): MultipartResult {
  const context: MultipartContext = { flags: noFlags(), trace: options.trace, profile: options.profile };
  const reader = new Reader(context, options);
  let boundary = '';
  const headError = attempt(() => {
    boundary = readBoundary(contentType, context);
  });
  if (headError !== undefined) options.trace?.(4, headError);
  const bodyError = headError === undefined ? attempt(() => reader.read(body, boundary)) : undefined;
  reader.closeLines();
  traceFlags(context);
  if (bodyError !== undefined) options.trace?.(1, bodyError);
  const { args, files, partHeaders, noFilesLength } = reader;
  const { flags } = context;
  const error = headError ?? bodyError;
  return { args, files, partHeaders, flags, noFilesLength, error, isStrictError: error !== undefined || isStrictError(flags) };
}

/** @returns what a body cannot be read for */
function attempt(read: () => void): string | undefined {
  try {
    read();
    return undefined;
  } catch (error) {
    if (!(error instanceof MultipartError)) throw error;
    return `Multipart parsing error: ${error.message}`;
  }
}

class Reader {
  readonly args: Target[] = [];
  readonly files: UploadedFile[] = [];
  readonly partHeaders: Target[] = [];
  noFilesLength = 0;
  #boundaries = 0;
  #hasCrlf = false;
  #hasLf = false;
  #part: Part | undefined;
  readonly #context: MultipartContext;
  readonly #options: MultipartOptions;

  constructor(context: MultipartContext, options: MultipartOptions) {
    this.#context = context;
    this.#options = options;
  }

  read(body: string, boundary: string): void {
    const { flags, trace } = this.#context;
    let isComplete = false;
    for (let at = 0; at < body.length; ) {
      const lineEnd = body.indexOf('\n', at);
      const line = lineEnd < 0 ? body.slice(at) : body.slice(at, lineEnd + 1);
      at += line.length;
      if (isComplete) {
        // An empty line after the end is what some clients send, and no data.
        if (line !== '\r\n' || at < body.length) flags.DATA_AFTER = 1;
        if (line.startsWith('--') && line.slice(2).startsWith(boundary))
          throw new MultipartError('Multipart: Invalid boundary (final duplicate).');
        continue;
      }
      const kind = line.startsWith('--') ? classifyBoundary(line, boundary, this.#context, at >= body.length) : 'data';
      if (kind !== 'data') {
        this.#countLine(line);
        // ModSecurity 3: a line that looks like a foreign boundary counts as one (1) only until the next right boundary (2).
        if (this.#boundaries++ > 0 && this.#context.profile === 'modsecurity3') flags.UNMATCHED_BOUNDARY = 2;
        this.#finishPart();
        if (kind === 'final') isComplete = true;
        else this.#part = newPart();
      } else if (!this.#part) {
        flags.DATA_BEFORE = 1;
        trace?.(4, 'Multipart: Ignoring data before first boundary.');
      } else if (this.#part.isInHeaders) {
        this.#countLine(line);
        this.noFilesLength += line.length;
        this.#part.offset = at;
        readHeaderLine(this.#part, line, this.#context, this.partHeaders);
      } else this.#part.data.push(line);
    }
    if (isComplete) return;
    this.#finishPart();
    throw new MultipartError(this.#boundaries === 0 ? 'Multipart: No boundaries found in payload.' : 'Multipart: Final boundary missing.');
  }

  closeLines(): void {
    const { flags } = this.#context;
    if (this.#hasLf) flags.LF_LINE = 1;
    if (this.#hasLf && this.#hasCrlf) flags.CRLF_LF_LINES = 1;
  }

  #countLine(line: string): void {
    if (line.endsWith('\r\n')) this.#hasCrlf = true;
    else if (line.endsWith('\n')) this.#hasLf = true;
  }

  #finishPart(): void {
    const part = this.#part;
    this.#part = undefined;
    if (!part) return;
    const { flags, trace } = this.#context;
    if (part.isInHeaders) {
      flags.INVALID_PART = 1;
      return;
    }
    const { name, filename, offset } = part;
    const content = withoutLastLineEnd(part.data.join(''));
    const { maxArgs, maxFiles } = this.#options;
    if (filename === undefined) {
      this.noFilesLength += content.length;
      if (this.args.length >= maxArgs) throw new MultipartError(`Multipart: more than ${maxArgs} arguments (SecArgumentsLimit).`);
      trace?.(9, `Multipart: Added data to variable: ${content}`);
      trace?.(9, `Multipart: Added part to the list: name "${name}" (offset ${offset}, length ${content.length})`);
      this.args.push(new Target(name, content));
      return;
    }
    if (this.files.length >= maxArgs) throw new MultipartError(`Multipart: more than ${maxArgs} files (SecArgumentsLimit).`);
    if (this.files.length >= maxFiles) {
      flags.FILE_LIMIT_EXCEEDED = 1;
      trace?.(1, `Multipart: Upload file limit exceeded ${maxFiles}. Use SecUploadFileLimit to change the limit.`);
    }
    trace?.(
      9,
      `Multipart: Added file part to the list: name "${name}" file name "${filename}" (offset ${offset}, length ${content.length})`,
    );
    this.files.push({ name, filename, content });
  }
}

function withoutLastLineEnd(data: string): string {
  if (data.endsWith('\r\n')) return data.slice(0, -2);
  return data.endsWith('\n') ? data.slice(0, -1) : data;
}
