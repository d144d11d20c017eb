import type { Position } from '../errors.ts';
import type { OperatorTest } from '../operators/types.ts';
import type { ActionNode, OperatorNode, VariableNode } from '../seclang/ast.ts';
import type { Transformation } from '../transformations/index.ts';
import type { Macro } from './macro.ts';
import type { TargetSpec } from './targets.ts';

export type Phase = 1 | 2 | 3 | 4 | 5;

/** What a rule does to the transaction when it (or its chain) matches. */
export type Disruption =
  | { readonly kind: 'pass' }
  | { readonly kind: 'deny' | 'drop'; readonly status: number }
  | { readonly kind: 'redirect'; readonly status: number; readonly url: Macro }
  | { readonly kind: 'allow'; readonly scope: 'transaction' | 'phase' | 'request' };

/** `setvar:tx.a=+1`. */
export interface SetVar {
  readonly collection: string;
  readonly key: Macro;
  readonly operation: 'set' | 'add' | 'subtract' | 'unset';
  readonly value: Macro;
}

/** What `ctl:ruleRemove…` picks: ids and ranges, or rules whose tag or message fits. */
export type RuleFilter =
  | { readonly by: 'id'; readonly ranges: readonly (readonly [number, number])[] }
  | { readonly by: 'tag' | 'msg'; readonly matches: (text: string) => boolean };

export type Control =
  | { readonly kind: 'ruleEngine'; readonly value: EngineMode }
  | { readonly kind: 'auditEngine'; readonly value: 'On' | 'Off' | 'RelevantOnly' }
  | { readonly kind: 'auditLogParts'; readonly value: string }
  | { readonly kind: 'requestBodyAccess' | 'responseBodyAccess' | 'forceRequestBodyVariable'; readonly value: boolean }
  | { readonly kind: 'requestBodyLimit' | 'responseBodyLimit'; readonly value: number }
  | { readonly kind: 'requestBodyProcessor'; readonly value: string }
  | { readonly kind: 'ruleRemove'; readonly filter: RuleFilter }
  | { readonly kind: 'ruleRemoveTarget'; readonly filter: RuleFilter; readonly targets: readonly VariableNode[] }
  | { readonly kind: 'debugLogLevel'; readonly value: number };

export type EngineMode = 'On' | 'Off' | 'DetectionOnly';

export interface RuleActions {
  readonly disruption: Disruption;
  readonly setVars: readonly SetVar[];
  readonly setEnvs: readonly { readonly key: Macro; readonly value: Macro }[];
  readonly expireVars: readonly { readonly collection: string; readonly key: Macro; readonly seconds: Macro }[];
  readonly deprecateVars: readonly {
    readonly collection: string;
    readonly key: Macro;
    readonly amount: number;
    readonly seconds: number;
  }[];
  /** `setsid` and `setuid` also say what SESSIONID and USERID are. */
  readonly initCols: readonly { readonly collection: string; readonly key: Macro; readonly names?: 'sessionId' | 'userId' }[];
  readonly controls: readonly Control[];
  /** Text before or behind the response's body. */
  readonly injections: readonly { readonly place: 'prepend' | 'append'; readonly text: Macro }[];
  readonly sanitise: readonly { readonly kind: 'arg' | 'matched' | 'requestHeader' | 'responseHeader'; readonly key: string }[];
  readonly skip: number;
  readonly skipAfter: string | undefined;
  readonly isLogged: boolean;
  readonly isAuditLogged: boolean;
  readonly hasCapture: boolean;
  readonly isMultiMatch: boolean;
  readonly xmlns: ReadonlyMap<string, string>;
}

export interface RuleMeta {
  readonly msg: Macro | undefined;
  readonly logdata: Macro | undefined;
  readonly severity: number | undefined;
  readonly tags: readonly Macro[];
  readonly ver: string | undefined;
  readonly rev: string | undefined;
  readonly maturity: number | undefined;
  readonly accuracy: number | undefined;
}

export interface TransformationChain {
  /** `urlDecodeUni,lowercase`; empty for none. Equal chains are one object. */
  readonly name: string;
  readonly steps: readonly { readonly name: string; readonly run: Transformation }[];
  readonly index: number;
}

export interface Rule {
  /** Position among all rules, chained ones included. */
  readonly index: number;
  /** 0 for a chained rule without an id. */
  readonly id: number;
  readonly phase: Phase;
  readonly position: Position;
  readonly variables: readonly VariableNode[];
  /** undefined: SecAction. */
  readonly targets: TargetSpec | undefined;
  readonly operator: CompiledOperator | undefined;
  readonly transformations: TransformationChain;
  /** The chain's names as written, for the debug log. */
  readonly transformationNames: readonly string[];
  readonly actions: RuleActions;
  readonly meta: RuleMeta;
  /** As written, for the audit log. */
  readonly actionNodes: readonly ActionNode[];
  /** Next rule of the chain. */
  readonly next: Rule | undefined;
}

export interface CompiledOperator {
  readonly node: OperatorNode;
  /** The argument with its macros, whoever expands them. */
  readonly argument: Macro;
  /** Set when the argument has no macros, or the operator expands them itself. */
  readonly test: OperatorTest | undefined;
  /** Set when it has: expand, then compile (small cache). */
  readonly dynamic: { build(argument: string): OperatorTest } | undefined;
}

/** One entry of a phase: a rule (with its chain) or a marker. */
export type PhaseItem = { readonly kind: 'rule'; readonly rule: Rule } | { readonly kind: 'marker'; readonly label: string };

export interface RemovedRule {
  readonly id: number;
  readonly phase: Phase;
  readonly directive: string;
}
