/**
 * Kubernetes' `$(NAME)` expansion in env values, command and args: unknown names stay as they are, `$$` gives `$` (so `$$(NAME)`
 * is the way to write the text itself).
 */
export function expandVariables(text: string, lookup: (name: string) => string | undefined): string {
  let result = '';
  let index = 0;
  while (index < text.length) {
    const dollar = text.indexOf('$', index);
    if (dollar === -1 || dollar === text.length - 1) return result + text.slice(index);
    result += text.slice(index, dollar);
    const next = text[dollar + 1];
    const end = next === '(' ? text.indexOf(')', dollar + 2) : -1;
    if (next === '$') {
      result += '$';
      index = dollar + 2;
    } else if (end !== -1) {
      const name = text.slice(dollar + 2, end);
      result += lookup(name) ?? `$(${name})`;
      index = end + 1;
    } else {
      result += next === '(' ? '$(' : `$${next}`;
      index = dollar + 2;
    }
  }
  return result;
}
