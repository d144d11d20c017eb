import type { Macro } from '../compile/macro.ts';
import type { Rule } from '../compile/model.ts';
import { renderVariable } from '../compile/targets.ts';
import type { OperatorContext, OperatorResult, OperatorTest } from '../operators/types.ts';
import { actingOperators } from '../operators/types.ts';
import { escapeBytes } from '../render/message.ts';
import { operatorTitle } from '../seclang/operator.ts';
import { rewriteStream } from '../transaction/rewrites.ts';
import type { MatchedVariable, TransactionState } from '../transaction/state.ts';
import { collectTargets, shownName } from '../transaction/values.ts';
import { ownCopy } from '../variables/recurring.ts';
import type { Target } from '../variables/target.ts';
import { applyNonDisruptive, expand } from './actions.ts';

/** What is known of values before a rule looks at them. Without it every value is looked at. */
export interface ValueFilter {
  /** False when the rule cannot match the value. */
  mayMatch(rule: Rule, target: Target): boolean;
  /** False when the operator of a negated rule cannot match the value. */
  mayOperatorMatch(rule: Rule, target: Target): boolean;
  /** The rule has looked at a recurring value in vain. */
  exonerate(rule: Rule, target: Target): void;
}

/** One rule at work. */
interface Run {
  readonly state: TransactionState;
  readonly rule: Rule;
  readonly head: Rule;
  readonly test: OperatorTest;
  readonly context: OperatorContext;
  readonly filter: ValueFilter | undefined;
  readonly matchedVars: { name: string; value: string }[];
  matches: MatchedVariable[] | undefined;
}

class Context implements OperatorContext {
  readonly wantsCaptures: boolean;
  readonly #state: TransactionState;
  readonly #rule: Rule;

  constructor(state: TransactionState, rule: Rule) {
    this.#state = state;
    this.#rule = rule;
    this.wantsCaptures = rule.actions.hasCapture;
  }

  setGeo(fields: Readonly<Record<string, string>>): void {
    for (const [key, value] of Object.entries(fields)) this.#state.geo.set(key.toLowerCase(), { key, value });
  }

  expand(macro: Macro): string {
    return expand(this.#state, macro);
  }

  rewrite(body: string): void {
    // A rule with `@rsub` looks at one of the two, and at nothing else.
    rewriteStream(this.#state, this.#rule.variables[0]!.name as 'STREAM_INPUT_BODY' | 'STREAM_OUTPUT_BODY', body);
  }
}

const noMatches: readonly MatchedVariable[] = [];

const MAX_TRACED = 80;

/** Matches kept for the log of one rule; all are counted and acted on. */
const MAX_LOGGED = 20;

/**
 * Evaluate one rule, without its chain. Actions that are not disruptive happen for every value that matches.
 *
 * @returns the matches, empty when there is none
 */
export function evaluateRule(state: TransactionState, rule: Rule, head: Rule, filter: ValueFilter | undefined): readonly MatchedVariable[] {
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
  const test = operator.test ?? operator.dynamic!.build(expand(state, operator.argument));
  const removed = state.removedTargets?.get(rule.index);
  // ModSecurity 3 gathers what all links of a chain matched.
  const gathers = state.ruleSet.profile === 'modsecurity3';
  if (gathers && rule === head) state.matchedVars = [];
  const context = new Context(state, rule);
  const run: Run = { state, rule, head, test, context, filter, matchedVars: gathers ? state.matchedVars : [], matches: undefined };
  for (const { collection, targets: list } of collectTargets(state, targets)) {
    for (const target of list) {
      if (filter && !filter.mayMatch(rule, target)) continue;
      if (removed?.some((gone) => gone.collection === collection && gone.test(target))) continue;
      if (state.trace) traceValue(state, rule, target, shownName(state, collection, target.key));
      evaluateTarget(run, collection, target);
    }
  }
  state.trace?.(4, `Rule returned ${run.matches ? 1 : 0}.`);
  return run.matches ?? noMatches;
}

function canonicalOperator(rule: Rule): string {
  return operatorTitle(rule.operator!.node.name);
}

function traceValue(state: TransactionState, rule: Rule, target: Target, name: string): void {
  let { value } = target;
  for (const [index, step] of rule.transformations.steps.entries()) {
    value = step.run(value, state.ruleSet.unicodeMap);
    state.trace!(9, ` T (${index}) t:${rule.transformationNames[index]}: "${shorten(value)}"`);
  }
  state.trace!(9, `Target value: "${shorten(escapeBytes(value))}" (Variable: ${name})`);
}

/**
 * Compare the transformed value; with multiMatch the value before, between and after the transformations that change
 * it, each match counting as ModSecurity counts it (Coraza: the first alone).
 */
function evaluateTarget(run: Run, collection: string, target: Target): void {
  const { state, rule } = run;
  const { steps } = rule.transformations;
  const limitsBefore = state.limits.length;
  let { value } = target;
  let isInnocent = true;
  if (!rule.actions.isMultiMatch) {
    const known = compare(run, target);
    isInnocent = !accept(run, known.result, target);
    if (!isInnocent) hit(run, collection, target, known.value);
  } else {
    for (let at = -1; at < steps.length; at++) {
      const changed = at < 0 ? value : steps[at]!.run(value, state.ruleSet.unicodeMap);
      if (at >= 0 && changed === value) continue;
      value = changed;
      if (!accept(run, run.test(value, run.context), target)) continue;
      isInnocent = false;
      hit(run, collection, target, value);
      if (state.ruleSet.profile === 'coraza') break;
    }
  }
  if (isInnocent && isKept(run, target) && state.limits.length === limitsBefore) run.filter?.exonerate(rule, target);
}

/** A match acts before the next comparison: both may touch TX. */
function hit(run: Run, collection: string, target: Target, value: string): void {
  const { state, rule, head, matchedVars } = run;
  const name = shownName(state, collection, target.key);
  state.matchedVar = { name, value };
  matchedVars.push(state.matchedVar);
  state.matchedVars = matchedVars;
  applyNonDisruptive(state, rule);
  run.matches ??= [];
  if (run.matches.length < MAX_LOGGED) run.matches.push(describe(state, rule, head, name, value));
}

interface Outcome {
  readonly value: string;
  readonly result: OperatorResult;
}

/** The transformed value and what the operator says of it; kept with values that come with every request. */
function compare(run: Run, target: Target): Outcome {
  const { state, rule, filter } = run;
  const known = isKept(run, target) ? target.memo?.get(rule.index) : undefined;
  if (known) return known;
  let value = isKept(run, target) ? ownCopy(target.value) : target.value;
  for (const step of rule.transformations.steps) value = step.run(value, state.ruleSet.unicodeMap);
  const isKnownToFail = rule.operator!.node.isNegated && filter && !filter.mayOperatorMatch(rule, target);
  const outcome: Outcome = { value, result: isKnownToFail ? false : run.test(value, run.context) };
  if (outcome.result !== 'limit' && isKept(run, target)) target.memo?.set(rule.index, outcome);
  return outcome;
}

/** What fills GEO or rewrites a body is more than an outcome, and a program may change its mind. */
const neverKept: ReadonlySet<string> = new Set([...actingOperators, 'inspectfile']);

/** The outcome is the same for every request. */
function isKept({ rule }: Run, target: Target): boolean {
  return target.isRecurring && rule.operator!.test !== undefined && !neverKept.has(rule.operator!.node.name);
}

function accept({ state, rule }: Run, result: OperatorResult, target: Target): boolean {
  if (result === 'limit') {
    // Nothing is known about this value: recorded, and turned into a verdict by the phase.
    state.limits.push({ ruleId: rule.id, variable: target.key });
    const key = 'MSC_PCRE_LIMITS_EXCEEDED';
    state.tx.set(key.toLowerCase(), { key, value: '1' });
    state.trace?.(3, `rx: regex error 'MATCH_LIMIT' for pattern '${rule.operator!.node.argument}'`);
    return false;
  }
  if (typeof result === 'object' && rule.actions.hasCapture) setCaptures(state, rule, result.captures);
  return (result !== false) !== rule.operator!.node.isNegated;
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
  return name === 'rx' || name === 'rxglobal' ? 'regex subexpression' : `${operatorTitle(name)} match`;
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
