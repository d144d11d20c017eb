import type { Position } from '../errors.ts';
import { WafConfigError } from '../errors.ts';
import type { OperatorNode } from './ast.ts';

/** Every operator ModSecurity documents, lower case → canonical spelling. */
export const operatorNames: ReadonlyMap<string, string> = new Map(
  [
    'beginsWith',
    'contains',
    'containsWord',
    'detectSQLi',
    'detectXSS',
    'endsWith',
    'eq',
    'fuzzyHash',
    'ge',
    'geoLookup',
    'gsbLookup',
    'gt',
    'inspectFile',
    'ipMatch',
    'ipMatchF',
    'ipMatchFromFile',
    'le',
    'lt',
    'noMatch',
    'pm',
    'pmf',
    'pmFromFile',
    'rbl',
    'rsub',
    'rx',
    'rxGlobal',
    'streq',
    'strmatch',
    'unconditionalMatch',
    'validateByteRange',
    'validateDTD',
    'validateHash',
    'validateSchema',
    'validateUrlEncoding',
    'validateUtf8Encoding',
    'verifyCC',
    'verifyCPF',
    'verifySSN',
    'verifySVNR',
    'within',
  ].map((name) => [name.toLowerCase(), name]),
);

const titles: Readonly<Record<string, string>> = { streq: 'StrEq', strmatch: 'StrMatch' };

/** An operator as ModSecurity 3's logs name it: `DetectSQLi`. */
export function operatorTitle(name: string): string {
  const canonical = titles[name] ?? operatorNames.get(name)!;
  return canonical[0]!.toUpperCase() + canonical.slice(1);
}

/** Parse `!@rx pattern`; text without `@` is a pattern for `@rx`. */
export function parseOperator(text: string, position: Position): OperatorNode {
  const match = /^\s*(!?)\s*@([A-Za-z0-9_]+)(?:\s+|$)/.exec(text);
  if (!match) {
    const isNegated = text.startsWith('!');
    return { name: 'rx', isNegated, argument: isNegated ? text.slice(1) : text };
  }
  const name = match[2]!.toLowerCase();
  if (!operatorNames.has(name)) {
    throw new WafConfigError('unknown-operator', position, `Unknown operator "@${match[2]}"; wanted one that ModSecurity documents`);
  }
  return { name, isNegated: match[1] === '!', argument: text.slice(match[0].length) };
}
