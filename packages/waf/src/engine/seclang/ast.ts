import type { Position } from '../errors.ts';

/** `ARGS`, `&ARGS`, `!ARGS:foo`, `ARGS:/^id_/`, `XML:/*`. */
export interface VariableNode {
  /** Canonical upper-case collection or variable name. */
  readonly name: string;
  readonly isCount: boolean;
  readonly isExclusion: boolean;
  /** Selector as written; undefined selects all members. */
  readonly key?: string;
  /** True when the selector was written between slashes. */
  readonly isKeyRegex: boolean;
}

/** `!@rx ^a`. */
export interface OperatorNode {
  /** Lower-case name without `@`. */
  readonly name: string;
  readonly isNegated: boolean;
  readonly argument: string;
}

/** `t:none`, `msg:'…'`, `deny`. */
export interface ActionNode {
  /** Lower-case name. */
  readonly name: string;
  readonly value?: string;
}

export interface RuleNode {
  readonly kind: 'rule';
  readonly position: Position;
  /** Empty for SecAction. */
  readonly variables: readonly VariableNode[];
  /** undefined for SecAction: always matches. */
  readonly operator?: OperatorNode;
  readonly actions: readonly ActionNode[];
}

export interface MarkerNode {
  readonly kind: 'marker';
  readonly position: Position;
  readonly label: string;
}

export interface DirectiveNode {
  readonly kind: 'directive';
  readonly position: Position;
  /** Canonical spelling, for example `SecRuleEngine`. */
  readonly name: string;
  readonly args: readonly string[];
}

export type Node = RuleNode | MarkerNode | DirectiveNode;

/** Engine whose reading of ambiguous places is followed. */
export type Profile = 'modsecurity2' | 'modsecurity3' | 'coraza';
