import type { Environment } from '@marcbachmann/cel-js';

/** Refusals of expressions in the words of cel-go and of the parser it is built with. */

/** Place and text, with the expression and a mark below it. */
export function faultAt(input: string, offset: number, text: string): string {
  const before = input.slice(0, Math.max(0, offset)).split('\n');
  const line = before.length;
  const column = before.at(-1)!.length;
  return `ERROR: <input>:${line}:${column + 1}: ${text}\n | ${input.split('\n')[line - 1] ?? ''}\n | ${'.'.repeat(column)}^`;
}

const OPERANDS = "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}";

/**
 * What a parse error is to cel-go: behind a dot no name, behind an operator no operand, behind an operand something else than an end.
 *
 * @param error of the parser, which knows where
 */
export function syntaxFault(input: string, error: { readonly range?: { readonly start: number } }): string {
  const start = error.range?.start ?? input.length;
  const isEnd = input.slice(start).trim() === '';
  const offset = isEnd ? input.length : start;
  const token = isEnd ? '<EOF>' : (/^(?:\w+|.)/s.exec(input.slice(offset))?.[0] ?? '<EOF>');
  const last = input.slice(0, offset).trimEnd().at(-1) ?? '';
  if (last === '.') return faultAt(input, offset, "Syntax error: no viable alternative at input '.'");
  if (!/[\w"'`)\]}]/.test(last)) return faultAt(input, offset, `Syntax error: mismatched input '${token}' expecting ${OPERANDS}`);
  // Something is left over, or something that was opened is not closed.
  return faultAt(
    input,
    offset,
    isEnd ? "Syntax error: missing ')' at '<EOF>'" : `Syntax error: extraneous input '${token}' expecting <EOF>`,
  );
}

/** A name that stands for nothing; undefined for other faults. */
export function unknownVariable(input: string, error: unknown): string | undefined {
  const { message, range } = (error ?? {}) as { message?: string; range?: { start: number } };
  const name = /^Unknown variable: (\w+)/.exec(message ?? '')?.[1];
  return name === undefined ? undefined : faultAt(input, range?.start ?? 0, `undeclared reference to '${name}' (in container '')`);
}

type Ast = ReturnType<Environment['parse']>['ast'];

/** Macros and operators that are no functions to the environment. */
const BUILT_IN = new Set(['has', 'all', 'exists', 'exists_one', 'filter', 'map']);

/**
 * The first call of what nobody declared; undefined when there is none.
 *
 * @param declared names of the environment's functions
 */
export function findUndeclared(node: unknown, declared: ReadonlySet<string>): string | undefined {
  if (Array.isArray(node)) {
    for (const item of node) {
      const fault = findUndeclared(item, declared);
      if (fault !== undefined) return fault;
    }
    return undefined;
  }
  if (typeof node !== 'object' || node === null || !('op' in node)) return undefined;
  const { op, args, input, range } = node as Ast & { op: string; args: unknown };
  const inner = findUndeclared(args, declared);
  if (inner !== undefined || (op !== 'call' && op !== 'rcall')) return inner;
  const [name, receiver] = args as unknown as [string, Ast];
  if (declared.has(name) || BUILT_IN.has(name)) return undefined;
  const from = op === 'rcall' ? receiver.range.end : range.start;
  return faultAt(input, input.indexOf('(', input.indexOf(name, from)), `undeclared reference to '${name}' (in container '')`);
}
