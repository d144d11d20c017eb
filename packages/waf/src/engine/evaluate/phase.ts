import type { FoldedPhase } from '../compile/fold.ts';
import type { Phase, PhaseItem, Rule } from '../compile/model.ts';
import type { Interruption, MatchedVariable, TransactionState } from '../transaction/state.ts';
import { expand, renderRemoval } from './actions.ts';
import { recordMatch } from './record.ts';
import type { ValueFilter } from './rule.ts';
import { evaluateRule, renderOperator } from './rule.ts';
import { findMarker, skipRules } from './skip.ts';

/** Tells which rules of a phase can be passed over, and which values inside one. The reference run has none. */
export interface RulePrefilter extends ValueFilter {
  /** Rules of the phase that some value of the request may match. */
  candidates(state: TransactionState, phase: Phase): Candidates;
  isCandidate(candidates: Candidates, rule: Rule): boolean;
}

/** Known to the prefilter alone. */
type Candidates = number[];

/**
 * Run the rules of one phase. Stops at an interruption; phase 5 always runs to its end. With `folded` the rules that
 * are the same for every request are left out, until a rule removes rules at run time.
 */
export function runPhase(
  state: TransactionState,
  phase: Phase,
  prefilter: RulePrefilter | undefined,
  folded: FoldedPhase | undefined,
): void {
  state.phase = phase;
  if (state.trace) tracePhase(state, phase);
  const all = state.ruleSet.phases[phase];
  let items = folded && !state.removedRules ? folded.items : all;
  const candidates = prefilter?.candidates(state, phase);
  for (let at = 0; at < items.length; at++) {
    const item = items[at]!;
    if (item.kind === 'marker') continue;
    const { rule } = item;
    // A `ctl:ruleEngine=Off` in the middle of a phase ends it (logging still happens).
    if (state.engineMode === 'Off' && phase !== 5) return;
    const removal = state.removedRules?.[rule.index];
    if (removal) {
      state.trace?.(9, renderRemoval(rule.id, removal));
      continue;
    }
    if (candidates && !prefilter!.isCandidate(candidates, rule)) continue;
    const verdict = evaluateChain(state, rule, prefilter);
    if (folded && items !== all && state.removedRules) {
      // A removed rule may be one that was folded away.
      at = folded.origin[at]!;
      items = all;
    }
    if (!verdict) continue;
    if (phase !== 5 && (state.interruption || verdict === 'allow')) {
      if (verdict === 'allow') traceSkipped(state, items, at + 1, items.length, "as request trough the utilization of an `allow' action.");
      return;
    }
    if (rule.actions.skipAfter !== undefined) at = findMarker(items, at, rule.actions.skipAfter);
    else if (rule.actions.skip > 0) {
      if (items === all) {
        const last = skipRules(all, at, rule.actions.skip);
        traceSkipped(state, all, at + 1, last + 1, "due to a `skip' action.");
        at = last;
      } else {
        // Rules that were folded away count, too.
        const last = skipRules(all, folded!.origin[at]!, rule.actions.skip);
        while (at + 1 < items.length && folded!.origin[at + 1]! <= last) at++;
      }
    }
  }
}

/** A rule by its id, an action by its place, as ModSecurity 3 calls them. */
function traceSkipped({ trace }: TransactionState, items: readonly PhaseItem[], from: number, end: number, why: string): void {
  if (!trace) return;
  for (const item of items.slice(from, end)) {
    if (item.kind === 'marker') continue;
    const { id, operator, position } = item.rule;
    trace(9, `Skipped rule id '${operator ? id : `${position.file}:${position.line}`}' ${why}`);
  }
}

function tracePhase({ trace, ruleSet }: TransactionState, phase: Phase): void {
  const heads = ruleSet.phases[phase].filter((item) => item.kind === 'rule');
  trace!(4, `Starting phase ${phaseNames[phase]}. (SecRules ${phase})`);
  trace!(9, `This phase consists of ${heads.length} rule(s).`);
  for (const removed of ruleSet.removed) {
    if (removed.phase !== phase) continue;
    const by = removed.directive === 'SecRuleRemoveById' ? 'an SecRuleRemove' : `a ${removed.directive}`;
    trace!(9, `Skipped rule id '${removed.id}'. Removed by ${by} directive.`);
  }
}

const phaseNames: Readonly<Record<Phase, string>> = {
  1: 'REQUEST_HEADERS',
  2: 'REQUEST_BODY',
  3: 'RESPONSE_HEADERS',
  4: 'RESPONSE_BODY',
  5: 'LOGGING',
};

/** Evaluate a rule and its chain; on a whole match log it and decide. */
function evaluateChain(state: TransactionState, head: Rule, prefilter: RulePrefilter | undefined): false | 'match' | 'allow' {
  const limitsBefore = state.limits.length;
  let matches: readonly MatchedVariable[] = [];
  for (let rule: Rule | undefined = head; rule; rule = rule.next) {
    matches = evaluateRule(state, rule, head, prefilter);
    if (state.limits.length > limitsBefore && blockOnLimit(state, head)) return 'match';
    if (matches.length === 0) return false;
  }
  return conclude(state, head, matches);
}

const allowTitles = { transaction: 'FromNowOn', phase: 'Phase', request: 'Request' } as const;

function conclude(state: TransactionState, head: Rule, matches: readonly MatchedVariable[]): 'match' | 'allow' {
  const { severity } = head.meta;
  if (severity !== undefined && severity < state.highestSeverity) state.highestSeverity = severity;
  recordMatch(state, head, matches);
  const { disruption } = head.actions;
  if (state.trace) for (const { name } of head.actionNodes) if (/log$/.test(name)) state.trace(9, `Running action: ${name}`);
  state.trace?.(8, `Running action ${disruption.kind}`);
  switch (disruption.kind) {
    case 'pass':
      return 'match';
    case 'allow':
      if (state.engineMode !== 'On') return 'match';
      state.trace?.(
        4,
        `Dropping the evaluation of upcoming rules in favor of an \`allow' action of type: ${allowTitles[disruption.scope]}`,
      );
      if (disruption.scope !== 'phase') state.allowed = disruption.scope;
      return 'allow';
    default: {
      const url = disruption.kind === 'redirect' ? expand(state, disruption.url) : undefined;
      interrupt(state, {
        kind: disruption.kind,
        status: disruption.status,
        url,
        ruleId: head.id,
        phase: state.phase,
        reason: matches.at(-1)?.message ?? renderOperator(head),
      });
      return 'match';
    }
  }
}

/** Phase 5, or phase 4 of a response that was streamed, is too late to stop anything. */
function interrupt(state: TransactionState, interruption: Interruption): void {
  if (state.engineMode === 'On' && state.phase !== 5 && !state.isResponseSent) state.interruption ??= interruption;
  else state.detected ??= interruption;
}

/**
 * A used-up step budget says nothing about the value: blocked rather than passed unseen, unless SecInterceptOnError Off
 * leaves it to rules over MSC_PCRE_LIMITS_EXCEEDED.
 */
function blockOnLimit(state: TransactionState, head: Rule): boolean {
  if (!state.ruleSet.settings.interceptOnError) return false;
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
