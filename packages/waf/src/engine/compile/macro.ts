import { CompiledRegex } from '../regex/regex.ts';
import type { Profile } from '../seclang/ast.ts';

/** Text with `%{…}` references: a plain string when there are none. */
export type Macro = string | readonly MacroPart[];

export interface MacroReference {
  readonly collection: string;
  readonly key: string;
  /** `%{ARGS:/^id/}`: the first member whose name fits (ModSecurity 3). */
  readonly keyPattern?: CompiledRegex;
}

type MacroPart = string | MacroReference;

/** Where macros look things up. */
export interface MacroScope {
  /** First value of a variable or member; empty when there is none. */
  lookup(reference: MacroReference): string;
}

/**
 * Parse `a%{tx.foo}b`. References name a variable, and a member after `.` or `:`. ModSecurity 3 also takes a pattern
 * between slashes, and swallows a `%` after the closing brace.
 *
 * @throws Error when a pattern cannot be compiled
 */
export function compileMacro(text: string, profile: Profile): Macro {
  if (!text.includes('%{')) return text;
  const parts: MacroPart[] = [];
  let copied = 0;
  for (const match of text.matchAll(profile === 'modsecurity3' ? /%\{([^}]*)\}(?:%(?!\{))?/g : /%\{([^}]*)\}/g)) {
    if (match.index > copied) parts.push(text.slice(copied, match.index));
    parts.push(readReference(match[1]!, profile));
    copied = match.index + match[0].length;
  }
  if (copied < text.length) parts.push(text.slice(copied));
  return parts;
}

function readReference(text: string, profile: Profile): MacroReference {
  const [, collection, key] = /^([^.:]*)[.:]?(.*)$/s.exec(text)!;
  const reference = { collection: collection!.toUpperCase(), key: key! };
  const pattern = profile === 'modsecurity3' ? /^\/(.*)\/$/s.exec(key!)?.[1] : undefined;
  return pattern === undefined ? reference : { ...reference, keyPattern: new CompiledRegex(pattern, { isCaseless: true }) };
}

/** Expand against the running transaction; what is not set becomes nothing. */
export function expandMacro(macro: Macro, scope: MacroScope): string {
  if (typeof macro === 'string') return macro;
  let out = '';
  for (const part of macro) out += typeof part === 'string' ? part : scope.lookup(part);
  return out;
}
