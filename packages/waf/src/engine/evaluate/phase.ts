import type { Phase, Rule } from '../compile/model.ts';
import type { PhaseItem } from '../compile/ruleset.ts';
import type { Interruption, MatchedVariable, TransactionState } from '../transaction/state.ts';
import { expand } from './actions.ts';
import type { ValueFilter } from './rule.ts';
import { evaluateRule, renderOperator } from './rule.ts';

/** Tells which rules of a phase can be passed over, and which values inside one. The reference run has none. */
export interface RulePrefilter {
  /** False when no value of the rule can match. */
  mayMatch(state: TransactionState, rule: Rule): boolean;
  valueFilter(state: TransactionState, rule: Rule): ValueFilter | undefined;
}

/** Run the rules of one phase. Stops at an interruption; phase 5 always runs to its end. */
export function runPhase(
  state: TransactionState,
  phase: Phase,
  prefilter: RulePrefilter | undefined,
  items: readonly PhaseItem[] = state.ruleSet.phases[phase],
): void {
  state.phase = phase;
  for (let at = 0; at < items.length; at++) {
    const item = items[at]!;
    if (item.kind === 'marker') continue;
    const { rule } = item;
    // A `ctl:ruleEngine=Off` in the middle of a phase ends it (logging still happens).
    if (state.engineMode === 'Off' && phase !== 5) return;
    if (state.removedRules?.[rule.index]) continue;
    if (prefilter && !prefilter.mayMatch(state, rule)) continue;
    const verdict = evaluateChain(state, rule, prefilter);
    if (!verdict) continue;
    if (phase !== 5 && (state.interruption || verdict === 'allow')) return;
    if (rule.actions.skipAfter !== undefined) at = findMarker(items, at, rule.actions.skipAfter);
    else if (rule.actions.skip > 0) at = skipRules(items, at, rule.actions.skip);
  }
}

/** Evaluate a rule and its chain; on a whole match log it and decide. */
function evaluateChain(state: TransactionState, head: Rule, prefilter: RulePrefilter | undefined): false | 'match' | 'allow' {
  const limitsBefore = state.limits.length;
  let matches: readonly MatchedVariable[] = [];
  for (let rule: Rule | undefined = head; rule; rule = rule.next) {
    matches = evaluateRule(state, rule, head, rule === head ? prefilter?.valueFilter(state, rule) : undefined);
    if (state.limits.length > limitsBefore && blockOnLimit(state, head)) return 'match';
    if (matches.length === 0) return false;
  }
  return conclude(state, head, matches);
}

function conclude(state: TransactionState, head: Rule, matches: readonly MatchedVariable[]): 'match' | 'allow' {
  const { severity } = head.meta;
  if (severity !== undefined && severity < state.highestSeverity) state.highestSeverity = severity;
  record(state, head, matches);
  const { disruption } = head.actions;
  switch (disruption.kind) {
    case 'pass':
      return 'match';
    case 'allow':
      if (state.engineMode !== 'On') return 'match';
      if (disruption.scope !== 'phase') state.allowed = disruption.scope;
      return 'allow';
    default: {
      const url = disruption.kind === 'redirect' ? expand(state, disruption.url) : undefined;
      const status = disruption.kind === 'drop' ? 444 : disruption.status;
      interrupt(state, {
        kind: disruption.kind,
        status,
        url,
        ruleId: head.id,
        phase: state.phase,
        reason: matches.at(-1)?.message ?? renderOperator(head),
      });
      return 'match';
    }
  }
}

/** Phase 5 is too late to stop anything. */
function interrupt(state: TransactionState, interruption: Interruption): void {
  if (state.engineMode === 'On' && state.phase !== 5) state.interruption ??= interruption;
  else state.detected ??= interruption;
}

/** A used-up step budget says nothing about the value: blocked rather than passed unseen. */
function blockOnLimit(state: TransactionState, head: Rule): boolean {
  interrupt(state, {
    kind: 'deny',
    status: 403,
    url: undefined,
    ruleId: head.id,
    phase: state.phase,
    reason: `rule ${head.id}: the pattern's step budget was used up`,
  });
  return state.interruption !== undefined;
}

function record(state: TransactionState, head: Rule, matches: readonly MatchedVariable[]): void {
  const { actions, meta } = head;
  const first = matches[0];
  const isShown = actions.isLogged || actions.isAuditLogged;
  state.matched.push({
    id: head.id,
    phase: state.phase,
    file: head.position.file,
    line: head.position.line,
    message: first?.message,
    logdata: first?.logdata,
    severity: meta.severity,
    tags: isShown ? meta.tags.map((tag) => expand(state, tag)) : [],
    ver: meta.ver,
    rev: meta.rev,
    isLogged: actions.isLogged,
    isAuditLogged: actions.isAuditLogged,
    operator: isShown ? renderOperator(lastOf(head)) : '',
    transformations: head.transformations.name,
    variables: matches,
  });
}

function lastOf(head: Rule): Rule {
  let rule = head;
  while (rule.next) rule = rule.next;
  return rule;
}

/** Position of the marker (or rule with that id); the end of the phase when there is none. */
function findMarker(items: readonly PhaseItem[], from: number, label: string): number {
  for (let at = from + 1; at < items.length; at++) {
    const item = items[at]!;
    if (item.kind === 'marker' ? item.label === label : String(item.rule.id) === label) return item.kind === 'marker' ? at : at - 1;
  }
  return items.length;
}

function skipRules(items: readonly PhaseItem[], from: number, count: number): number {
  let left = count;
  for (let at = from + 1; at < items.length; at++) if (items[at]!.kind === 'rule' && --left === 0) return at;
  return items.length;
}
