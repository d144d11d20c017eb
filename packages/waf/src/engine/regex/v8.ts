import type { AssertKind, Regex, RegexNode } from './ast.ts';
import type { ByteSet } from './byte-set.ts';
import { has } from './byte-set.ts';

/** A V8 pattern that means the same over latin1 text, and where its groups went (emulated atomic groups shift them). */
export interface V8Pattern {
  readonly source: string;
  /** `groupMap[i]` is V8's number of our group i. */
  readonly groupMap: readonly number[];
}

/**
 * Render a pattern for V8 without flags: every class is spelled in bytes, so that V8's own ideas of `\s` (A0), case
 * folding (E9/C9) and line ends (CR, U+2028) never apply. The reference engine of the differential tests runs on it.
 */
export function renderV8(regex: Regex): V8Pattern {
  const groupMap: number[] = [0];
  let opened = 0;
  const render = (node: RegexNode): string => {
    switch (node.type) {
      case 'empty':
        return '(?:)';
      case 'set':
        return renderSet(node.set);
      case 'cat':
        return node.items.map(render).join('');
      case 'alt':
        return `(?:${node.items.map(render).join('|')})`;
      case 'repeat': {
        const bounds = node.max === Number.POSITIVE_INFINITY ? `{${node.min},}` : `{${node.min},${node.max}}`;
        return `(?:${render(node.item)})${bounds}${node.isLazy ? '?' : ''}`;
      }
      case 'group':
        groupMap[node.index] = ++opened;
        return `(${render(node.item)})`;
      case 'assert':
        return asserts[node.kind];
      case 'look':
        return `(?${node.isBehind ? '<' : ''}${node.isNegated ? '!' : '='}${render(node.item)})`;
      case 'atomic': {
        const number = ++opened;
        return `(?=(${render(node.item)}))\\${number}(?:)`;
      }
      case 'backref':
        return `(?:\\${groupMap[node.index] ?? node.index})`;
      default:
        return node satisfies never;
    }
  };
  const source = render(regex.root);
  return { source, groupMap };
}

const asserts: Readonly<Record<AssertKind, string>> = {
  begin: '(?<![^])',
  end: '(?![^])',
  endOrFinalNewline: '(?=\\n?(?![^]))',
  lineBegin: '(?:(?<![^])|(?<=\\n)(?=[^]))',
  lineEnd: '(?=\\n|(?![^]))',
  wordBoundary: '\\b',
  notWordBoundary: '\\B',
};

function renderSet(set: ByteSet): string {
  let text = '';
  for (let low = 0; low < 256; low++) {
    if (!has(set, low)) continue;
    let high = low;
    while (high < 255 && has(set, high + 1)) high++;
    text += high > low ? `${hex(low)}-${hex(high)}` : hex(low);
    low = high;
  }
  return `[${text}]`;
}

function hex(byte: number): string {
  return `\\x${byte.toString(16).padStart(2, '0')}`;
}
