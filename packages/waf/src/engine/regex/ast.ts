import type { ByteSet } from './byte-set.ts';

export type AssertKind = 'begin' | 'end' | 'endOrFinalNewline' | 'lineBegin' | 'lineEnd' | 'wordBoundary' | 'notWordBoundary';

/** Syntax tree of a pattern. Case folding, `.` and shorthand classes are already resolved into byte sets. */
export type RegexNode =
  | { readonly type: 'empty' }
  | { readonly type: 'set'; readonly set: ByteSet }
  | { readonly type: 'cat'; readonly items: readonly RegexNode[] }
  | { readonly type: 'alt'; readonly items: readonly RegexNode[] }
  | { readonly type: 'repeat'; readonly item: RegexNode; readonly min: number; readonly max: number; readonly isLazy: boolean }
  | { readonly type: 'group'; readonly index: number; readonly item: RegexNode }
  | { readonly type: 'assert'; readonly kind: AssertKind }
  | { readonly type: 'look'; readonly isBehind: boolean; readonly isNegated: boolean; readonly item: RegexNode }
  | { readonly type: 'atomic'; readonly item: RegexNode }
  | { readonly type: 'backref'; readonly index: number; readonly isCaseless: boolean };

export interface Regex {
  readonly root: RegexNode;
  /** Number of capturing groups, without group 0. */
  readonly groups: number;
}

/** True for patterns a finite automaton decides: no lookaround, atomic group, possessive quantifier or back reference. */
export function isRegular(node: RegexNode): boolean {
  switch (node.type) {
    case 'look':
    case 'atomic':
    case 'backref':
      return false;
    case 'assert':
      // `\Z` needs to see two bytes ahead.
      return node.kind !== 'endOrFinalNewline';
    case 'cat':
    case 'alt':
      for (let i = 0; i < node.items.length; i++) if (!isRegular(node.items[i]!)) return false;
      return true;
    case 'repeat':
    case 'group':
      return isRegular(node.item);
    default:
      return true;
  }
}
