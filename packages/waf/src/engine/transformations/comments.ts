/** Each comment becomes one space; an unclosed one runs to the end; a lone closing mark stays. */
export function replaceComments(value: string): string {
  let open = value.indexOf('/*');
  if (open < 0) return value;
  let out = '';
  let copied = 0;
  while (open >= 0) {
    out += `${value.slice(copied, open)} `;
    const close = value.indexOf('*/', open + 2);
    if (close < 0) return out;
    copied = close + 2;
    open = value.indexOf('/*', copied);
  }
  return out + value.slice(copied);
}

/**
 * Remove C and HTML comments; `--` and `#` cut the rest off. The byte after a closing mark is copied unseen (NUL at the
 * end) and an unclosed comment leaves a space: ModSecurity's own bytes, which its tests pin.
 */
export function removeComments(value: string): string {
  if (!/\/\*|<!--|--|#/.test(value)) return value;
  let out = '';
  let isInside = false;
  let at = 0;
  while (at < value.length) {
    if (!isInside) {
      if (value.startsWith('/*', at)) {
        isInside = true;
        at += 2;
      } else if (value.startsWith('<!--', at)) {
        isInside = true;
        at += 4;
      } else if (value.startsWith('--', at) || value[at] === '#') {
        break;
      } else {
        out += value[at++]!;
      }
    } else {
      const width = value.startsWith('*/', at) ? 2 : value.startsWith('-->', at) ? 3 : 0;
      if (width === 0) {
        at++;
        continue;
      }
      isInside = false;
      at += width;
      out += value[at] ?? '\0';
      at++;
    }
  }
  return isInside ? `${out} ` : out;
}

/** Remove the marks alone. */
export function removeCommentsChar(value: string): string {
  return value.replace(/\/\*|\*\/|<!--|-->|--|#/g, '');
}
