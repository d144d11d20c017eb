import type { Position } from '../errors.ts';
import { WafConfigError } from '../errors.ts';
import type { VariableNode } from './ast.ts';
import { canonicalVariable, collectionNames, whyUnsupported } from './variable-names.ts';

const separators = /[\s|,]*/y;
const variableName = /[A-Za-z0-9_]+/y;

/** Parse `ARGS|!ARGS:foo|&TX:/^x/`; separators are `|` and, as ModSecurity allows, `,`. */
export function parseVariables(text: string, position: Position): VariableNode[] {
  const result: VariableNode[] = [];
  let at = 0;
  const fail = (what: string): never => {
    throw new WafConfigError('syntax', position, `Cannot parse variables ${JSON.stringify(text)}: ${what}`);
  };
  while (at < text.length) {
    let isCount = false;
    let isExclusion = false;
    separators.lastIndex = at;
    separators.test(text);
    at = separators.lastIndex;
    if (at >= text.length) break;
    if (text[at] === '!') {
      isExclusion = true;
      at++;
    }
    if (text[at] === '&') {
      isCount = true;
      at++;
    }
    variableName.lastIndex = at;
    const written = variableName.exec(text)?.[0];
    if (written === undefined) return fail(`found ${JSON.stringify(text.slice(at, at + 20))}, wanted a variable name`);
    const name = canonicalVariable(written);
    if (name === undefined) {
      throw new WafConfigError(
        'unknown-variable',
        position,
        `Unknown variable ${JSON.stringify(written)}; wanted one that ModSecurity documents`,
      );
    }
    const refusal = whyUnsupported(name);
    if (refusal !== undefined)
      throw new WafConfigError('unsupported', position, `Variable ${JSON.stringify(written)}: ${refusal}; wanted a rule without it`);
    at += written.length;
    let key: string | undefined;
    let isKeyRegex = false;
    if (text[at] === ':' || text[at] === '.') {
      at++;
      [key, isKeyRegex] = readKey(name);
      if (!collectionNames.has(name)) return fail(`${name} is a single value and takes no selector, found ":${key}"`);
    }
    result.push(key === undefined ? { name, isCount, isExclusion, isKeyRegex } : { name, isCount, isExclusion, key, isKeyRegex });
    if (at < text.length && !/[\s|,]/.test(text[at]!))
      return fail(`found ${JSON.stringify(text.slice(at, at + 20))}, wanted "|" or the end`);
  }
  if (result.length === 0) return fail('found nothing, wanted at least one variable');
  return result;

  function readKey(name: string): [string, boolean] {
    const isQuoted = text[at] === "'";
    if (isQuoted) at++;
    // XPath selectors begin with a slash but are not regular expressions.
    if (text[at] === '/' && name !== 'XML') {
      const end = findRegexEnd(at + 1, isQuoted);
      const pattern = text.slice(at + 1, end).replaceAll('\\/', '/');
      at = end + 1;
      if (isQuoted) at++;
      return [pattern, true];
    }
    let key = '';
    while (at < text.length && (isQuoted ? text[at] !== "'" : text[at] !== '|' && text[at] !== ',')) {
      if (isQuoted && text[at] === '\\' && at + 1 < text.length) at++;
      key += text[at]!;
      at++;
    }
    if (isQuoted) {
      if (text[at] !== "'") fail(`unclosed quote in selector ${JSON.stringify(key)}`);
      at++;
      return [key, false];
    }
    return [key.trimEnd(), false];
  }

  function findRegexEnd(from: number, isQuoted: boolean): number {
    for (let end = from; end < text.length; end++) {
      if (text[end] === '\\') end++;
      else if (text[end] === '/') {
        const next = text[end + 1];
        if (isQuoted ? next === "'" : next === undefined || next === '|' || next === ',' || next === ' ') return end;
      }
    }
    return fail('a selector that begins with "/" is a regular expression and must end with "/"') as never;
  }
}
