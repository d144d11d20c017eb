import type { Rule } from '../compile/model.ts';
import { renderVariable } from '../compile/targets.ts';
import type { OperatorContext, OperatorResult, OperatorTest } from '../operators/types.ts';
import { escapeBytes } from '../render/message.ts';
import { operatorNames } from '../seclang/operator.ts';
import type { MatchedVariable, TransactionState } from '../transaction/state.ts';
import { collectTargets, shownName } from '../transaction/values.ts';
import type { Target } from '../variables/target.ts';
import { applyNonDisruptive, expand } from './actions.ts';

/** Skips values the prefilter has proved innocent. Without one every value is looked at. */
export type ValueFilter = (target: Target) => boolean;

const MAX_TRACED = 80;

/** Matches kept for the log of one rule; all are counted and acted on. */
const MAX_LOGGED = 20;

/**
 * Evaluate one rule, without its chain. Actions that are not disruptive happen for every value that matches.
 *
 * @returns the matches, empty when there is none
 */
export function evaluateRule(
  state: TransactionState,
  rule: Rule,
  head: Rule,
  mayMatch: ValueFilter | undefined,
): readonly MatchedVariable[] {
  state.currentRule = head;
  const { operator, targets } = rule;
  if (!operator || !targets) {
    state.matchedVars = [];
    state.trace?.(4, `(Rule: ${rule.id}) Executing unconditional rule...`);
    applyNonDisruptive(state, rule);
    return [describe(state, rule, head, 'UNCONDITIONAL', '')];
  }
  state.trace?.(
    4,
    `(Rule: ${rule.id}) Executing operator "${canonicalOperator(rule)}" with param "${operator.node.argument}" against ${rule.variables.map(renderVariable).join('|')}.`,
  );
  const test = operator.test ?? operator.dynamic!.build(expand(state, operator.dynamic!.argument));
  const isNegated = operator.node.isNegated;
  const context: OperatorContext = {
    wantsCaptures: rule.actions.hasCapture,
    setGeo: (fields) => {
      for (const [key, value] of Object.entries(fields)) state.geo.set(key.toLowerCase(), { key, value });
    },
  };
  const removed = state.removedTargets?.get(rule.index);
  const matches: MatchedVariable[] = [];
  // ModSecurity 3 gathers what all links of a chain matched.
  const gathers = state.ruleSet.profile === 'modsecurity3';
  if (gathers && rule === head) state.matchedVars = [];
  const matchedVars: { name: string; value: string }[] = gathers ? state.matchedVars : [];
  for (const { collection, targets: list } of collectTargets(state, targets)) {
    for (const target of list) {
      if (mayMatch && !mayMatch(target)) continue;
      if (removed?.some((gone) => gone.collection === collection && gone.test(target))) continue;
      const name = shownName(state, collection, target.key);
      if (state.trace) traceValue(state, rule, target, name);
      // Each match acts before the next comparison: both may touch TX.
      forEachMatch(state, rule, test, context, target, isNegated, (value) => {
        state.matchedVar = { name, value };
        matchedVars.push(state.matchedVar);
        state.matchedVars = matchedVars;
        applyNonDisruptive(state, rule);
        if (matches.length < MAX_LOGGED) matches.push(describe(state, rule, head, name, value));
      });
    }
  }
  state.trace?.(4, `Rule returned ${matches.length > 0 ? 1 : 0}.`);
  return matches;
}

function canonicalOperator(rule: Rule): string {
  return upperFirst(operatorNames.get(rule.operator!.node.name)!);
}

function traceValue(state: TransactionState, rule: Rule, target: Target, name: string): void {
  let { value } = target;
  for (const [index, step] of rule.transformations.steps.entries()) {
    value = step.run(value, state.ruleSet.unicodeMap);
    state.trace!(9, ` T (${index}) t:${rule.transformationNames[index]}: "${shorten(escapeBytes(value))}"`);
  }
  state.trace!(9, `Target value: "${shorten(escapeBytes(value))}" (Variable: ${name})`);
}

/**
 * Compare the transformed value; with multiMatch the value before, between and after the transformations that change
 * it, each match counting as ModSecurity counts it (Coraza: the first alone).
 */
function forEachMatch(
  state: TransactionState,
  rule: Rule,
  test: OperatorTest,
  context: OperatorContext,
  target: Target,
  isNegated: boolean,
  onMatch: (value: string) => void,
): void {
  const { steps } = rule.transformations;
  let { value } = target;
  if (!rule.actions.isMultiMatch && target.memo && rule.operator!.test) {
    const known = target.memo.get(rule.index) ?? remember(state, rule, test, context, target);
    if (accept(state, rule, known.result, target, isNegated)) onMatch(known.value);
    return;
  }
  if (!rule.actions.isMultiMatch) {
    for (const step of steps) value = step.run(value, state.ruleSet.unicodeMap);
    if (accept(state, rule, test(value, context), target, isNegated)) onMatch(value);
    return;
  }
  for (let at = -1; at < steps.length; at++) {
    const changed = at < 0 ? value : steps[at]!.run(value, state.ruleSet.unicodeMap);
    if (at >= 0 && changed === value) continue;
    value = changed;
    if (!accept(state, rule, test(value, context), target, isNegated)) continue;
    onMatch(value);
    if (state.ruleSet.profile === 'coraza') return;
  }
}

/** A constant operator on a value that comes with every request: compared once. Lookups that fill GEO are no comparison. */
function remember(
  state: TransactionState,
  rule: Rule,
  test: OperatorTest,
  context: OperatorContext,
  target: Target,
): { readonly value: string; readonly result: OperatorResult } {
  let { value } = target;
  for (const step of rule.transformations.steps) value = step.run(value, state.ruleSet.unicodeMap);
  const outcome = { value, result: test(value, context) };
  if (rule.operator!.node.name !== 'geolookup') target.memo!.set(rule.index, outcome);
  return outcome;
}

function accept(state: TransactionState, rule: Rule, result: OperatorResult, target: Target, isNegated: boolean): boolean {
  if (result === 'limit') {
    // Nothing is known about this value: recorded, and turned into a verdict by the phase.
    state.limits.push({ ruleId: rule.id, variable: target.key });
    const key = 'MSC_PCRE_LIMITS_EXCEEDED';
    state.tx.set(key.toLowerCase(), { key, value: '1' });
    state.trace?.(3, `rx: regex error 'MATCH_LIMIT' for pattern '${rule.operator!.node.argument}'`);
    return false;
  }
  if (typeof result === 'object' && rule.actions.hasCapture) setCaptures(state, rule, result.captures);
  return (result !== false) !== isNegated;
}

function setCaptures(state: TransactionState, rule: Rule, captures: readonly (string | undefined)[]): void {
  for (let i = 0; i < 10; i++) {
    const key = String(i);
    if (i < captures.length) {
      state.tx.set(key, { key, value: captures[i] ?? '' });
      state.trace?.(7, `Added ${capturedBy(rule)} TX.${i}: ${captures[i] ?? ''}`);
    }
    // ModSecurity 2 clears what earlier rules captured; 3 does not.
    else if (state.ruleSet.profile === 'modsecurity2') state.tx.delete(key);
  }
}

/** What the debug log shows of a value. */
function shorten(text: string): string {
  return text.length <= MAX_TRACED ? text : `${text.slice(0, MAX_TRACED)} (${text.length - MAX_TRACED} characters omitted)`;
}

/** What the debug log calls a capture. */
function capturedBy(rule: Rule): string {
  const { name } = rule.operator!.node;
  return name === 'rx' || name === 'rxglobal' ? 'regex subexpression' : `${upperFirst(operatorNames.get(name)!)} match`;
}

function upperFirst(name: string): string {
  return `${name[0]!.toUpperCase()}${name.slice(1)}`;
}

/** Texts are expanded now, while the matched value is current. */
function describe(state: TransactionState, rule: Rule, head: Rule, name: string, value: string): MatchedVariable {
  const isShown = rule.next === undefined && (head.actions.isLogged || head.actions.isAuditLogged);
  if (!isShown) return { name, value, message: undefined, logdata: undefined };
  const { msg, logdata } = head.meta;
  return {
    name,
    value,
    message: msg === undefined ? undefined : expand(state, msg),
    logdata: logdata === undefined ? undefined : expand(state, logdata),
  };
}

/** `!@rx ^a against ARGS` for messages. */
export function renderOperator(rule: Rule): string {
  if (!rule.operator) return 'unconditional match in SecAction';
  const { node } = rule.operator;
  return `${node.isNegated ? '!' : ''}@${node.name} ${node.argument} against ${rule.variables.map(renderVariable).join('|')}`;
}
