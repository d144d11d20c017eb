import type { Macro } from '../compile/macro.ts';
import { compileMacro } from '../compile/macro.ts';
import { unescapeHex } from '../match/phrases.ts';
import { CompiledRegex } from '../regex/regex.ts';
import type { OperatorContext, OperatorFactory } from './types.ts';

interface Substitution {
  readonly pattern: string;
  readonly replacement: string;
  readonly isCaseless: boolean;
  /** What macros put into the pattern is text, not pattern. */
  readonly isEscaped: boolean;
}

/**
 * `@rsub s/pattern/replacement/flags`: puts the replacement, with `\1` to `\9` for groups, where the pattern matches in a body
 * that streams through (STREAM_INPUT_BODY, STREAM_OUTPUT_BODY). As in ModSecurity 2.9 it matches whatever it finds.
 */
export const rsub: OperatorFactory = (argument, { profile, regexStepBudget }) => {
  const { pattern, replacement, isCaseless, isEscaped } = parseSubstitution(argument);
  const compile = (source: string): CompiledRegex => new CompiledRegex(source, { isCaseless }, regexStepBudget);
  const patternMacro = compileMacro(pattern, profile);
  const replacementMacro = compileMacro(replacement, profile);
  const fixed = typeof patternMacro === 'string' ? compile(patternMacro) : undefined;
  return (value, context) => {
    const regex = fixed ?? compileExpanded(patternMacro, context, isEscaped, compile);
    // An expanded argument is no configuration: a pattern that does not parse replaces nothing.
    const matches = regex === undefined ? [] : regex.execAll(value);
    if (matches === 'limit') return 'limit';
    const text = context.expand(replacementMacro);
    let rewritten = '';
    let copied = 0;
    for (const { captures, start, end } of matches) {
      rewritten += value.slice(copied, start) + text.replace(/\\([1-9])/g, (_, group: string) => captures[Number(group)] ?? '');
      copied = end;
    }
    context.rewrite(rewritten + value.slice(copied));
    return true;
  };
};

function compileExpanded(
  macro: Macro,
  context: OperatorContext,
  isEscaped: boolean,
  compile: (source: string) => CompiledRegex,
): CompiledRegex | undefined {
  try {
    return compile(isEscaped ? context.expand(macro).replace(/[^A-Za-z0-9_]/g, '\\$&') : context.expand(macro));
  } catch {
    return undefined;
  }
}

/** @throws Error when the argument is no substitution */
function parseSubstitution(argument: string): Substitution {
  const delimiter = argument[1];
  if (argument[0]?.toLowerCase() !== 's' || delimiter === undefined)
    throw new Error(`found ${JSON.stringify(argument.slice(0, 60))}, wanted s/pattern/replacement/ and flags`);
  const parts: string[] = [''];
  for (let at = 2; at < argument.length; at++) {
    const char = argument[at]!;
    if (char === '\\' && argument[at + 1] === delimiter) parts.push((parts.pop() ?? '') + argument[++at]!);
    else if (char === delimiter) parts.push('');
    else parts.push((parts.pop() ?? '') + char);
  }
  const [pattern, replacement, flags] = parts;
  if (parts.length !== 3 || pattern === '')
    throw new Error(
      `found ${parts.length - 1} delimiters after the first, wanted s${delimiter}pattern${delimiter}replacement${delimiter} and flags`,
    );
  if (!/^[di]*$/i.test(flags!)) throw new Error(`found flags ${JSON.stringify(flags)}, wanted none, i, d or both`);
  return {
    pattern: pattern!,
    replacement: unescapeHex(replacement!),
    isCaseless: /i/i.test(flags!),
    isEscaped: /d/i.test(flags!),
  };
}
