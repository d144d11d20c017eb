/** Outcome of reading `form-data; name="a"; filename="b"`. */
export interface Disposition {
  readonly name: string | undefined;
  readonly filename: string | undefined;
  /** Single quotes, or a quote where none may stand: MULTIPART_INVALID_QUOTING. */
  readonly hasInvalidQuoting: boolean;
  /** Set when the header is not understood; the body is then refused. */
  readonly error: string | undefined;
}

const blank = (c: string | undefined) => c === ' ' || c === '\t';
const isTokenByte = (c: string | undefined) => c !== undefined && /[^\0- \x7f-\xff()<>@,;:\\"/[\]?={}]/.test(c);

/** Read a part's Content-Disposition as strictly as ModSecurity: parameters name and filename, each once. */
export function parseDisposition(text: string): Disposition {
  let name: string | undefined;
  let filename: string | undefined;
  let hasInvalidQuoting = false;
  const done = (error?: string): Disposition => ({ name, filename, hasInvalidQuoting, error });
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
    if (quote !== '') {
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
    else
      return done(
        key === 'name' || key === 'filename' ? `Duplicate Content-Disposition ${key}` : `unknown parameter ${JSON.stringify(key)}`,
      );
    const last = text[at - 1];
    skip();
    if (at >= text.length) return done();
    if (text[at] !== ';') {
      if (last === '"' || last === "'") hasInvalidQuoting = true;
      return done(`found ${JSON.stringify(text.slice(at, at + 10))}, wanted ";"`);
    }
    at++;
  }
  return done();
}
