import type { MacroScope } from '../evaluate/scope.ts';

/** Text with `%{…}` references: a plain string when there are none. */
export type Macro = string | readonly MacroPart[];

type MacroPart = string | { readonly collection: string; readonly key: string };

/** Parse `a%{tx.foo}b`. References name a variable, and a member after `.` or `:`. */
export function compileMacro(text: string): Macro {
  if (!text.includes('%{')) return text;
  const parts: MacroPart[] = [];
  let copied = 0;
  for (const match of text.matchAll(/%\{([^}]*)\}/g)) {
    if (match.index > copied) parts.push(text.slice(copied, match.index));
    const [, collection, key] = /^([^.:]*)[.:]?(.*)$/s.exec(match[1]!)!;
    parts.push({ collection: collection!.toUpperCase(), key: key! });
    copied = match.index + match[0].length;
  }
  if (copied < text.length) parts.push(text.slice(copied));
  return parts;
}

/** Expand against the running transaction; what is not set becomes nothing. */
export function expandMacro(macro: Macro, scope: MacroScope): string {
  if (typeof macro === 'string') return macro;
  let out = '';
  for (const part of macro) out += typeof part === 'string' ? part : scope.lookup(part.collection, part.key);
  return out;
}
