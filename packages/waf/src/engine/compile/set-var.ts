import type { Macro } from './macro.ts';
import type { SetVar } from './model.ts';

/** The rule that an action stands in. */
interface Place {
  fail(code: 'bad-argument', what: string): never;
  macro(text: string): Macro;
}

/** Without the quotes around it. */
export function unquote(text: string): string {
  return text.length > 1 && text.startsWith("'") && text.endsWith("'") ? text.slice(1, -1) : text;
}

/** `tx.a=1`, `!tx.a`, `tx.a=+1`, `tx.a` (1). */
export function parseSetVar(rule: Place, source: string): SetVar {
  const text = unquote(source.trim());
  const match = /^(!?)(\w+)[.:]([^=]+)(?:=(.*))?$/s.exec(text);
  if (!match) return rule.fail('bad-argument', `setvar: found ${JSON.stringify(text)}, wanted collection.name=value`);
  const [, bang, collection, key, value] = match;
  const base = { collection: collection!.toLowerCase(), key: rule.macro(key!.trim()) };
  if (bang) return { ...base, operation: 'unset', value: '' };
  const raw = unquote(value ?? '1');
  if (raw.startsWith('+')) return { ...base, operation: 'add', value: rule.macro(raw.slice(1)) };
  if (raw.startsWith('-')) return { ...base, operation: 'subtract', value: rule.macro(raw.slice(1)) };
  return { ...base, operation: 'set', value: rule.macro(raw) };
}
