const mayChange = /[\\"'^,;\t-\r A-Z\xa0]/;

/**
 * Undo what shells ignore: remove `\ " ' ^`, turn runs of blanks, commas and semicolons into one space, remove blanks
 * before `/` and `(`, lower the case.
 */
export function cmdLine(value: string): string {
  if (!mayChange.test(value)) return value;
  let out = '';
  let hasBlank = false;
  for (let at = 0; at < value.length; at++) {
    const code = value.charCodeAt(at);
    switch (code) {
      case 0x22:
      case 0x27:
      case 0x5c:
      case 0x5e:
        continue;
      case 0x20:
      case 0x2c:
      case 0x3b:
      case 0x09:
      case 0x0d:
      case 0x0a:
        if (!hasBlank) out += ' ';
        hasBlank = true;
        continue;
      case 0x2f:
      case 0x28:
        if (hasBlank) out = out.slice(0, -1);
        out += value[at]!;
        hasBlank = false;
        continue;
      default:
        out += code >= 0x41 && code <= 0x5a ? String.fromCharCode(code + 32) : value[at]!;
        hasBlank = false;
    }
  }
  return out;
}
