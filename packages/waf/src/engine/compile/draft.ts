import type { ActionNode, RuleNode, VariableNode } from '../seclang/ast.ts';
import type { ParsedActions } from './actions.ts';
import type { Phase } from './model.ts';

/** A rule while directives may still change it. */
export interface DraftRule {
  readonly node: RuleNode;
  readonly parsed: ParsedActions;
  variables: VariableNode[];
  actions: readonly ActionNode[];
  readonly defaults: ReadonlyMap<Phase, ParsedActions>;
  /** The directive that took it out. */
  removedBy: string | undefined;
  readonly chained: DraftRule[];
}

export type Draft = { kind: 'rule'; rule: DraftRule } | { kind: 'marker'; label: string };
