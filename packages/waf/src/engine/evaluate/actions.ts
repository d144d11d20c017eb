import { isInRanges } from '../compile/control.ts';
import type { Macro } from '../compile/macro.ts';
import { expandMacro } from '../compile/macro.ts';
import type { Control, Rule, RuleFilter, SetVar } from '../compile/model.ts';
import { compileKeyTest, persistentCollections } from '../compile/targets.ts';
import { atoi } from '../operators/numbers.ts';
import type { TransactionState, TxValue } from '../transaction/state.ts';
import { lookupValue, mapOf } from '../transaction/values.ts';
import { deprecateVar, expireVar, initCollection } from './persistent.ts';

/** Expand a macro against a transaction. */
export function expand(state: TransactionState, macro: Macro): string {
  if (typeof macro === 'string') return macro;
  return expandMacro(macro, { lookup: (reference) => lookupValue(state, reference) });
}

/** Actions that happen for every value that matches: captures were set before. */
export function applyNonDisruptive(state: TransactionState, rule: Rule): void {
  const { actions } = rule;
  for (const { collection, key, names } of actions.initCols) {
    const expanded = expand(state, key);
    if (names) state[names] = expanded;
    initCollection(state, collection, expanded);
  }
  for (const item of actions.setVars) setVar(state, item);
  for (const item of actions.expireVars) expireVar(state, item.collection, expand(state, item.key), atoi(expand(state, item.seconds)));
  for (const { collection, key, amount, seconds } of actions.deprecateVars)
    deprecateVar(state, collection, expand(state, key), amount, seconds);
  for (const item of actions.setEnvs) {
    const key = expand(state, item.key);
    const value = expand(state, item.value);
    state.trace?.(8, `Setting environment variable: ${key} to ${value}`);
    state.env.set(key.toLowerCase(), { key, value });
  }
  for (const control of actions.controls) applyControl(state, control);
  for (const item of actions.injections) {
    // The latest one holds, as in ModSecurity.
    if (item.place === 'prepend') state.prepended = expand(state, item.text);
    else state.appended = expand(state, item.text);
  }
  for (const item of actions.sanitise) {
    // `sanitiseMatched` hides the value that is being looked at.
    state.sanitised.push(item.kind === 'matched' ? { kind: 'variable', key: state.matchedVar?.name ?? '' } : item);
  }
}

function setVar(state: TransactionState, item: SetVar): void {
  const collection = item.collection.toUpperCase();
  // ModSecurity 3 has every persistent collection from the start, under an empty key.
  if (state.ruleSet.profile === 'modsecurity3' && persistentCollections.has(item.collection)) initCollection(state, item.collection, '');
  const map = mapOf(state, collection);
  // A persistent collection must be initialised first; ModSecurity ignores the action otherwise.
  if (!map) return;
  const key = expand(state, item.key);
  const lower = key.toLowerCase();
  const before = map.get(lower);
  const text = expand(state, item.value);
  if (item.operation === 'unset') map.delete(lower);
  else {
    const value = newValue(item.operation, before, text);
    state.trace?.(8, `Saving variable: ${collection}:${key} with value: ${value}`);
    map.set(lower, { key: before?.key ?? key, value });
  }
  const kept = state.persistent.get(item.collection);
  if (kept) kept.isChanged = true;
}

function newValue(operation: 'set' | 'add' | 'subtract', before: TxValue | undefined, text: string): string {
  if (operation === 'set') return text;
  const base = atoi(before?.value ?? '0');
  return String(operation === 'add' ? base + atoi(text) : base - atoi(text));
}

function applyControl(state: TransactionState, control: Control): void {
  switch (control.kind) {
    case 'ruleEngine':
      state.trace?.(8, `Setting SecRuleEngine to ${modeNames[control.value]} as requested by a ctl:ruleEngine action`);
      state.engineMode = control.value;
      return;
    case 'auditEngine':
      state.auditEngine = control.value;
      return;
    case 'auditLogParts':
      state.auditLogParts = changeParts(state.auditLogParts, control.value);
      return;
    case 'requestBodyAccess':
      state.requestBodyAccess = control.value;
      return;
    case 'responseBodyAccess':
      state.responseBodyAccess = control.value;
      return;
    case 'forceRequestBodyVariable':
      state.isRequestBodyForced = control.value;
      return;
    case 'requestBodyLimit':
      state.requestBodyLimit = control.value;
      return;
    case 'responseBodyLimit':
      state.responseBodyLimit = control.value;
      return;
    case 'requestBodyProcessor':
      state.requestBodyProcessor = control.value;
      return;
    case 'ruleRemove':
      state.removedRules ??= new Uint8Array(state.ruleSet.rules.length);
      for (const index of rulesOf(state, control.filter)) state.removedRules[index] = removalCodes.indexOf(control.filter.by);
      return;
    case 'ruleRemoveTarget':
      state.removedTargets ??= new Map();
      for (const index of rulesOf(state, control.filter)) {
        const list = state.removedTargets.get(index) ?? [];
        list.push(...control.targets.map((target) => ({ collection: target.name, node: target, test: compileKeyTest(target) })));
        state.removedTargets.set(index, list);
      }
      return;
    case 'debugLogLevel':
      state.debugLogLevel = control.value;
      return;
    default:
      control satisfies never;
  }
}

const modeNames = { On: 'Enabled', Off: 'Disabled', DetectionOnly: 'DetectionOnly' } as const;

/** What `removedRules` holds: 0 for a rule in force, else the kind of the control that removed it. */
const removalCodes: readonly (RuleFilter['by'] | undefined)[] = [undefined, 'id', 'tag', 'msg'];

/** Says in the debug log which control removed a rule. */
export function renderRemoval(ruleId: number, code: number): string {
  const by = removalCodes[code]!;
  if (by === 'id') return `Rule id: ${ruleId} was skipped due to a ruleRemoveById action...`;
  return `Skipped rule id '${ruleId}'. Skipped due to a ruleRemoveBy${by === 'tag' ? 'Tag' : 'Msg'} action.`;
}

function changeParts(parts: string, change: string): string {
  if (change.startsWith('+')) return parts + [...change.slice(1)].filter((part) => !parts.includes(part)).join('');
  if (change.startsWith('-')) return [...parts].filter((part) => !change.includes(part)).join('');
  return change;
}

/** Which rules a filter picks is a property of the rule set: found once. */
const filterCache = new WeakMap<RuleFilter, readonly number[]>();

function rulesOf(state: TransactionState, filter: RuleFilter): readonly number[] {
  const known = filterCache.get(filter);
  if (known) return known;
  const found = state.ruleSet.rules.filter((rule) => isPicked(rule, filter)).map((rule) => rule.index);
  filterCache.set(filter, found);
  return found;
}

/** Chained rules have no id: their head is picked. */
export function isPicked(rule: Rule, filter: RuleFilter): boolean {
  if (rule.id === 0) return false;
  if (filter.by === 'id') return isInRanges(rule.id, filter.ranges);
  const texts = filter.by === 'tag' ? rule.meta.tags : [rule.meta.msg];
  return texts.some((text) => typeof text === 'string' && filter.matches(text));
}
