import type { Profile } from '../seclang/ast.ts';
import { urlDecode } from '../transformations/url.ts';

/** Outcome of reading `form-data; name="a"; filename="b"`. */
export interface Disposition {
  readonly name: string | undefined;
  readonly filename: string | undefined;
  /** The `filename*` of RFC 5987, decoded. */
  readonly extendedFilename: string | undefined;
  /** Single quotes, or a quote where none may stand: MULTIPART_INVALID_QUOTING. */
  readonly hasInvalidQuoting: boolean;
  /** Set when the header is not understood; the body is then refused. */
  readonly error: string | undefined;
}

const blank = (c: string | undefined) => c === ' ' || c === '\t';
const isTokenByte = (c: string | undefined) => c !== undefined && /[^\0- \x7f-\xff()<>@,;:\\"/[\]?={}]/.test(c);

/**
 * Read a part's Content-Disposition as strictly as ModSecurity: parameters name and filename, each once. ModSecurity 3
 * also has `filename*`, beside `filename` alone; its numbers of what is wrong with it are in the error.
 */
export function parseDisposition(text: string, profile: Profile): Disposition {
  let name: string | undefined;
  let filename: string | undefined;
  let extendedFilename: string | undefined;
  let hasInvalidQuoting = false;
  const done = (error?: string): Disposition => ({ name, filename, extendedFilename, hasInvalidQuoting, error });
  if (!text.startsWith('form-data')) return done('wanted form-data');
  let at = 9;
  const skip = () => {
    while (blank(text[at])) at++;
  };
  skip();
  if (at >= text.length) return done();
  if (text[at] !== ';') return done('wanted ";" after form-data');
  at++;
  while (at < text.length) {
    skip();
    const start = at;
    while (at < text.length && text[at] !== '=' && !blank(text[at])) at++;
    const key = text.slice(start, at);
    skip();
    if (text[at] !== '=') return done(`parameter ${JSON.stringify(key)} has no value`);
    at++;
    skip();
    if (at >= text.length) return done(`parameter ${JSON.stringify(key)} has no value`);
    const quote = text[at] === '"' || text[at] === "'" ? text[at]! : '';
    let value = '';
    const isExtended = key === 'filename*' && profile !== 'modsecurity2';
    if (isExtended) {
      const end = text.indexOf(';', at);
      const written = text.slice(at, end < 0 ? undefined : end);
      const wrong = extendedFilename === undefined ? whatIsWrong(written) : '-20, it stands twice';
      if (wrong !== undefined) return done(wrong);
      extendedFilename = urlDecode(written.replace(/^[^']*'[^']*'/, '').replaceAll('+', '%2B'));
      at += written.length;
    } else if (quote !== '') {
      if (quote === "'") hasInvalidQuoting = true;
      at++;
      while (at < text.length && text[at] !== quote) {
        // Only the quote and the backslash can be escaped; others keep theirs, as browsers send paths unescaped.
        if (text[at] === '\\') {
          if (at + 1 >= text.length) return done('a backslash ends the header');
          if (text[at + 1] === quote || text[at + 1] === '\\') at++;
        }
        value += text[at]!;
        at++;
      }
      if (at >= text.length) return done('unclosed quote');
      at++;
    } else {
      const from = at;
      while (isTokenByte(text[at])) at++;
      value = text.slice(from, at);
    }
    if (quote !== '"' && value.includes("'")) hasInvalidQuoting = true;
    if (key === 'name' && name === undefined) name = value;
    else if (key === 'filename' && filename === undefined) filename = value;
    else if (!isExtended)
      return done(
        key === 'name' || key === 'filename' ? `Duplicate Content-Disposition ${key}` : `unknown parameter ${JSON.stringify(key)}`,
      );
    const last = text[at - 1];
    skip();
    if (at >= text.length) break;
    if (text[at] !== ';') {
      if (last === '"' || last === "'") hasInvalidQuoting = true;
      return done(`found ${JSON.stringify(text.slice(at, at + 10))}, wanted ";"`);
    }
    at++;
  }
  if (extendedFilename !== undefined && filename === undefined) return done('-21, no filename= but filename*');
  return done();
}

/** `charset'language'name`, in the bytes of RFC 5987. */
function whatIsWrong(value: string): string | undefined {
  const [, language, name] = /^[\w!#$%&+\-^`{}~]+'([^']*)('?.*)$/s.exec(value) ?? [];
  if (language === undefined || name === undefined) return "-16, filename* wants a charset before its first '";
  if (!name.startsWith("'")) return "-17, filename* wants a second '";
  if (/%(?![0-9A-Fa-f]{2})/.test(name)) return '-18, filename* holds a broken escape';
  return /^'(?:[\w!#$&+\-.^`~]|%..)*$/.test(name) ? undefined : '-19, filename* holds a byte that must be escaped';
}
