import { isPicked } from '../evaluate/actions.ts';
import { evaluateRule } from '../evaluate/rule.ts';
import { landing, skipRules } from '../evaluate/skip.ts';
import { MemoryStore } from '../transaction/collections.ts';
import type { TxValue } from '../transaction/state.ts';
import { TransactionState } from '../transaction/state.ts';
import { Target } from '../variables/target.ts';
import type { Macro } from './macro.ts';
import type { Control, Phase, PhaseItem, Rule } from './model.ts';
import type { RuleSet } from './ruleset.ts';

/** What is left of a phase after everything that is the same for every request was done once. */
export interface FoldedPhase {
  readonly items: readonly PhaseItem[];
  /** Position of each item in the whole phase. */
  readonly origin: readonly number[];
}

export interface Folded {
  readonly phases: Readonly<Record<Phase, FoldedPhase>>;
  /** TX as the done rules leave it. */
  readonly tx: ReadonlyMap<string, TxValue>;
}

const order: readonly Phase[] = [1, 2, 3, 4, 5];

/**
 * Decide once, at load, what is the same for every request: rules over constant TX members that can never match, the
 * defaults that others set, and the skips they cause. Goes through the rules in order; a member stops being constant
 * where a rule that depends on the request may write it. Returns undefined when a rule looks back at which rules ran,
 * or reads members by pattern.
 */
export function foldRuleSet(ruleSet: RuleSet): Folded | undefined {
  const heads = order.flatMap((phase) => ruleSet.phases[phase].flatMap((item) => (item.kind === 'rule' ? [item.rule] : [])));
  if (heads.some((head) => looksBack(head) || links(head).some(namesByPattern))) return undefined;
  const folder = new Folder(ruleSet);
  const phases = {} as Record<Phase, FoldedPhase>;
  for (const phase of order) phases[phase] = folder.foldPhase(ruleSet.phases[phase]);
  return { phases, tx: folder.tx };
}

class Folder {
  readonly #ruleSet: RuleSet;
  tx: ReadonlyMap<string, TxValue> = new Map();
  /** What rules that depend on the request may have read and written so far. */
  readonly #touched = new Touched();
  #mayHaveStopped = false;

  constructor(ruleSet: RuleSet) {
    this.#ruleSet = ruleSet;
  }

  foldPhase(all: readonly PhaseItem[]): FoldedPhase {
    const items: PhaseItem[] = [];
    const origin: number[] = [];
    // Labels up to which rules that depend on the request may skip.
    const skippedUntil = new Set<string>();
    // The like for `skip:n`: last position it may pass over.
    let skippedThrough = -1;
    const keep = (at: number): void => {
      items.push(all[at]!);
      origin.push(at);
    };
    for (let at = 0; at < all.length; at++) {
      const item = all[at]!;
      if (item.kind === 'marker') {
        skippedUntil.delete(item.label);
        keep(at);
        continue;
      }
      const { rule } = item;
      skippedUntil.delete(String(rule.id));
      const after = this.#tryOut(rule);
      if (after === 'never') continue;
      const { skipAfter } = rule.actions;
      const target = skipAfter === undefined ? at : landing(all, at, skipAfter);
      // A rule that sets nothing and skips no further than those before it may: what it skips never runs.
      const isSameSkip = setsNothing(rule) && target > at && [...skippedUntil].every((label) => target <= landing(all, at, label));
      if (after !== 'unknown' && at > skippedThrough && (skippedUntil.size === 0 || isSameSkip) && this.#isQuiet(rule)) {
        this.tx = after;
        if (target > at) at = target - 1;
        continue;
      }
      keep(at);
      this.#touched.add(rule);
      const { actions } = rule;
      const mayStop =
        actions.disruption.kind !== 'pass' ||
        links(rule).some((link) => link.actions.controls.some((control) => control.kind === 'ruleEngine'));
      if (mayStop) this.#mayHaveStopped = true;
      if (actions.skip > 0) skippedThrough = Math.max(skippedThrough, skipRules(all, at, actions.skip));
      else if (skipAfter !== undefined) skippedUntil.add(skipAfter);
    }
    return { items, origin };
  }

  /** TX after the rule matched; `never` when it cannot match; `unknown` when that depends on the request. */
  #tryOut(head: Rule): ReadonlyMap<string, TxValue> | 'never' | 'unknown' {
    if (!this.#isConstant(head)) return 'unknown';
    const state = new TransactionState(this.#ruleSet, '', nobody, () => 0, new MemoryStore(0), this.tx);
    for (const rule of links(head)) {
      if (!this.#isConstant(rule)) return 'unknown';
      if (evaluateRule(state, rule, head, undefined).length === 0) return 'never';
    }
    return state.tx;
  }

  /** The rule's outcome depends on TX members alone that nothing request-bound has written. */
  #isConstant(rule: Rule): boolean {
    const { targets } = rule;
    if (targets && !targets.sources.every((source) => source.collection === 'TX' && source.key !== undefined)) return false;
    const references = referencesOf(rule.operator?.argument);
    if (references.some(([collection]) => collection !== 'TX')) return false;
    const keys = [...(targets?.sources.map((source) => source.key!) ?? []), ...references.map(([, key]) => key)];
    return !keys.some((key) => this.#touched.writes(key));
  }

  /** Done once instead of each time, nobody could tell: it sets constants nobody saw before, and says nothing. */
  #isQuiet(head: Rule): boolean {
    const isSilent =
      !head.actions.isLogged && !head.actions.isAuditLogged && head.actions.disruption.kind === 'pass' && head.actions.skip === 0;
    if (!isSilent || links(head).some((rule) => rule.meta.severity !== undefined)) return false;
    if (this.#touched.blinds(head)) return false;
    // A request that takes the rule out is without what it sets; skips are then found again in the whole phase.
    const isRemovable = this.#touched.removes(head);
    return links(head).every(({ actions }) => {
      const { controls, initCols, setEnvs, expireVars, deprecateVars, sanitise, injections } = actions;
      if (
        [controls, initCols, setEnvs, expireVars, deprecateVars, sanitise, injections].some((list) => list.length > 0) ||
        actions.hasCapture
      )
        return false;
      if (actions.setVars.length > 0 && (this.#mayHaveStopped || isRemovable)) return false;
      return actions.setVars.every((item) => {
        if (item.collection !== 'tx' || typeof item.key !== 'string' || item.operation !== 'set') return false;
        const key = item.key.toLowerCase();
        const references = referencesOf(item.value);
        if (this.#touched.reads(key) || this.#touched.writes(key)) return false;
        return references.every(([collection, name]) => collection === 'TX' && !this.#touched.writes(name));
      });
    });
  }
}

function setsNothing(rule: Rule): boolean {
  return links(rule).every((link) => link.actions.setVars.length === 0);
}

const nobody = { clientAddress: '', clientPort: 0, serverAddress: '', serverPort: 0 };

/** A head that reads what an earlier rule matched sees which rules ran. */
function looksBack(rule: Rule): boolean {
  const names = [
    ...(rule.targets?.sources.map((source) => source.collection) ?? []),
    ...(rule.operator ? [] : macrosOf(rule).map(([collection]) => collection)),
  ];
  return names.some((name) => name.startsWith('MATCHED_VAR') || name === 'HIGHEST_SEVERITY');
}

/** `%{TX:/pattern/}`: which member is read is known at run time only. */
function namesByPattern(rule: Rule): boolean {
  return macrosOf(rule).some(([collection, key]) => collection === 'TX' && key.startsWith('/'));
}

function links(head: Rule): Rule[] {
  const all: Rule[] = [];
  for (let rule: Rule | undefined = head; rule; rule = rule.next) all.push(rule);
  return all;
}

/** Collection and lower-case key. */
type Reference = readonly [collection: string, key: string];

function addReferences(found: Reference[], macro: Macro | undefined): void {
  if (macro === undefined || typeof macro === 'string') return;
  for (const part of macro) if (typeof part !== 'string') found.push([part.collection, part.key.toLowerCase()]);
}

function referencesOf(macro: Macro | undefined): readonly Reference[] {
  const found: Reference[] = [];
  addReferences(found, macro);
  return found;
}

/** What all macros of a rule refer to. */
function macrosOf({ actions, meta, operator }: Rule): readonly Reference[] {
  const found: Reference[] = [];
  const add = (macro: Macro | undefined) => addReferences(found, macro);
  add(operator?.argument);
  add(meta.msg);
  add(meta.logdata);
  meta.tags.forEach(add);
  for (const list of [actions.setVars, actions.setEnvs]) {
    for (const item of list) {
      add(item.key);
      add(item.value);
    }
  }
  for (const list of [actions.initCols, actions.deprecateVars]) for (const item of list) add(item.key);
  for (const item of actions.expireVars) {
    add(item.key);
    add(item.seconds);
  }
  for (const item of actions.injections) add(item.text);
  return found;
}

/** Which TX members some chains may touch. */
class Touched {
  readonly #readKeys = new Set<string>();
  readonly #readTests: ((target: Target) => boolean)[] = [];
  readonly #writtenKeys = new Set<string>();
  readonly #writtenPrefixes = new Set<string>();
  readonly #controls: Control[] = [];

  add(head: Rule): void {
    for (const rule of links(head)) {
      for (const [collection, key] of macrosOf(rule)) if (collection === 'TX') this.#readKeys.add(key);
      for (const { collection, key, keyTest } of rule.targets?.sources ?? []) {
        if (collection !== 'TX') continue;
        if (key !== undefined) this.#readKeys.add(key);
        else this.#readTests.push(keyTest ?? (() => true));
      }
      for (const { collection, key } of rule.actions.setVars) {
        if (collection !== 'tx') continue;
        if (typeof key === 'string') this.#writtenKeys.add(key.toLowerCase());
        else this.#writtenPrefixes.add(typeof key[0] === 'string' ? key[0].toLowerCase() : '');
      }
      // Any comparison may use up its budget.
      if (rule.operator) this.#writtenKeys.add('msc_pcre_limits_exceeded');
      if (rule.actions.hasCapture) for (let i = 0; i < 10; i++) this.#writtenKeys.add(String(i));
      for (const control of rule.actions.controls)
        if (control.kind === 'ruleRemove' || control.kind === 'ruleRemoveTarget') this.#controls.push(control);
    }
  }

  reads(key: string): boolean {
    return this.#readKeys.has(key) || this.#readTests.some((test) => test(new Target(key, '')));
  }

  writes(key: string): boolean {
    return this.#writtenKeys.has(key) || [...this.#writtenPrefixes].some((prefix) => key.startsWith(prefix));
  }

  /** They take out a rule … */
  removes(rule: Rule): boolean {
    return this.#controls.some((control) => control.kind === 'ruleRemove' && isPicked(rule, control.filter));
  }

  /** … or a target in TX that it may have. */
  blinds(rule: Rule): boolean {
    return this.#controls.some(
      (control) =>
        control.kind === 'ruleRemoveTarget' && control.targets.some(({ name }) => name === 'TX') && isPicked(rule, control.filter),
    );
  }
}
