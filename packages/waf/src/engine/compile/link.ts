import type { Position } from '../errors.ts';
import { WafConfigError } from '../errors.ts';
import type { OperatorEnvironment } from '../operators/types.ts';
import type { PatternTable } from '../regex/pattern-table.ts';
import type { Profile } from '../seclang/ast.ts';
import { findTransformation } from '../transformations/index.ts';
import type { ParsedActions } from './actions.ts';
import { inertActions } from './actions.ts';
import type { Draft, DraftRule } from './draft.ts';
import type { Disruption, Phase, PhaseItem, RemovedRule, Rule, TransformationChain } from './model.ts';
import { compileOperator } from './operator.ts';
import type { Settings } from './settings.ts';
import { renderVariable, TargetSpecs } from './targets.ts';

/** Interns transformation chains: a rule set has few distinct ones. */
export class ChainTable {
  readonly #byName = new Map<string, TransformationChain>();

  get all(): readonly TransformationChain[] {
    return [...this.#byName.values()];
  }

  /** @throws WafConfigError for an unknown name */
  get(names: readonly string[], position: Position): TransformationChain {
    const steps = names.map((name) => {
      const found = findTransformation(name);
      if (!found)
        throw new WafConfigError(
          'unknown-transformation',
          position,
          `Unknown transformation ${JSON.stringify(name)}; wanted one that ModSecurity documents`,
        );
      return found;
    });
    const text = steps.map((step) => step.name).join();
    const known = this.#byName.get(text);
    if (known) return known;
    const chain = { name: text, steps, index: this.#byName.size };
    this.#byName.set(text, chain);
    return chain;
  }
}

const fallback = { isLogged: true, isAuditLogged: true, status: 403 };

export interface Linked {
  readonly phases: Record<Phase, PhaseItem[]>;
  readonly rules: Rule[];
  readonly removed: readonly RemovedRule[];
  readonly slotCount: number;
  readonly chains: ChainTable;
}

/** Turn drafts into rules: default actions merged, transformations, operators and targets compiled, chains linked. */
export function linkRules(
  drafts: readonly Draft[],
  environment: (position: Position) => OperatorEnvironment,
  patterns: PatternTable,
  notes: string[],
  settings: Settings,
  hasGeo: boolean,
): Linked {
  const phases: Record<Phase, PhaseItem[]> = { 1: [], 2: [], 3: [], 4: [], 5: [] };
  const rules: Rule[] = [];
  const removed: RemovedRule[] = [];
  const specs = new TargetSpecs();
  const chains = new ChainTable();

  for (const draft of drafts) {
    if (draft.kind === 'marker') {
      for (const items of Object.values(phases)) items.push({ kind: 'marker', label: draft.label });
    } else {
      const phase = phaseOf(draft.rule, environment(draft.rule.node.position).profile);
      const { removedBy } = draft.rule;
      if (removedBy !== undefined) removed.push({ id: draft.rule.parsed.id, phase, directive: removedBy });
      else {
        const rule = link(draft.rule, phase, draft.rule.chained);
        checkLogging(rule, environment(rule.position).profile);
        phases[phase].push({ kind: 'rule', rule });
      }
    }
  }
  return { phases, rules, removed, slotCount: specs.count, chains };

  /** @param headId what messages call the rule: those that follow in a chain have no id of their own */
  function link(draft: DraftRule, phase: Phase, followers: readonly DraftRule[], headId = draft.parsed.id): Rule {
    const { node, parsed } = draft;
    const [follower, ...others] = followers;
    const next = follower ? link(follower, phase, others, headId) : undefined;
    const defaults = draft.defaults.get(phase);
    const { position } = node;
    let targets: Rule['targets'];
    try {
      targets = node.operator ? specs.get(draft.variables, parsed.rest.xmlns) : undefined;
    } catch (cause) {
      throw new WafConfigError('bad-argument', position, (cause as Error).message, { cause });
    }
    const transformationNames = mergeTransformations(parsed, defaults);
    noteMissing(node.operator?.name, headId, position, notes, hasGeo);
    noteInert(draft, headId, settings, notes);
    if (node.operator?.name === 'rsub') checkStream(draft, headId, phase, settings, notes);
    const rule: Rule = {
      index: rules.length,
      id: parsed.id,
      phase,
      position,
      variables: draft.variables,
      targets,
      operator: node.operator ? compileOperator(node.operator, position, environment(position), patterns) : undefined,
      transformations: chains.get(transformationNames, position),
      transformationNames,
      actions: {
        ...parsed.rest,
        disruption: mergeDisruption(
          { ...parsed, status: parsed.status ?? followers.findLast((link) => link.parsed.status !== undefined)?.parsed.status },
          defaults,
          environment(position).profile,
        ),
        isLogged: parsed.isLogged ?? defaults?.isLogged ?? fallback.isLogged,
        isAuditLogged: parsed.isAuditLogged ?? defaults?.isAuditLogged ?? fallback.isAuditLogged,
      },
      meta: parsed.meta,
      actionNodes: draft.actions,
      next,
    };
    rules.push(rule);
    return rule;
  }
}

/** In ModSecurity 2.9 a rule takes its phase from SecDefaultAction, too. */
function phaseOf({ parsed, defaults }: DraftRule, profile: Profile): Phase {
  return parsed.phase ?? (profile === 'modsecurity2' ? defaults.get(2)?.phase : undefined) ?? 2;
}

/** Nothing can be stopped once everything is done; ModSecurity 2.9 says so. What a chain does its first rule says. */
function checkLogging({ phase, position, id, actions: { disruption } }: Rule, profile: Profile): void {
  if (phase !== 5 || profile !== 'modsecurity2' || disruption.kind === 'pass' || disruption.kind === 'allow') return;
  throw new WafConfigError('bad-argument', position, `Rule ${id}: found ${disruption.kind} in phase 5, wanted pass or allow`);
}

function noteMissing(operator: string | undefined, id: number, position: Position, notes: string[], hasGeo: boolean): void {
  const isMissing = operator === 'rbl' || (operator === 'geolookup' && !hasGeo);
  if (isMissing)
    notes.push(
      `${position.file}:${position.line}: rule ${id}: @${operator} has no ${operator === 'rbl' ? 'resolver' : 'database'} and never matches`,
    );
}

/** Actions that do nothing here, or nothing with these settings. */
function noteInert({ node: { position }, actions }: DraftRule, id: number, { contentInjection }: Settings, notes: string[]): void {
  for (const { name } of actions) {
    const isInjection = (name === 'append' || name === 'prepend') && !contentInjection;
    const reason = isInjection ? 'SecContentInjection is Off' : inertActions.get(name);
    if (reason !== undefined) notes.push(`${position.file}:${position.line}: rule ${id}: ${name} has no effect: ${reason}`);
  }
}

/** `@rsub` rewrites one of the two bodies that stream through, in its phase. */
function checkStream(
  { node: { position }, variables }: DraftRule,
  id: number,
  phase: Phase,
  { hasInputStream, hasOutputStream }: Settings,
  notes: string[],
): void {
  const [first] = variables;
  const name = first?.name ?? '';
  if (!/^STREAM_(?:IN|OUT)PUT_BODY$/.test(name) || variables.some((variable) => variable.name !== name || variable.isCount))
    throw new WafConfigError(
      'bad-argument',
      position,
      `Operator @rsub: found ${variables.map(renderVariable).join('|')}, wanted STREAM_INPUT_BODY or STREAM_OUTPUT_BODY alone`,
    );
  const isInput = name === 'STREAM_INPUT_BODY';
  const wanted = isInput ? 2 : 4;
  if (phase !== wanted)
    throw new WafConfigError('bad-argument', position, `Operator @rsub over ${name}: found phase ${phase}, wanted phase ${wanted}`);
  if (!(isInput ? hasInputStream : hasOutputStream))
    notes.push(
      `${position.file}:${position.line}: rule ${id}: @rsub has no effect: SecStream${isInput ? 'In' : 'Out'}BodyInspection is Off`,
    );
}

/** SecDefaultAction's transformations come first, unless the rule says `t:none`. */
function mergeTransformations(parsed: ParsedActions, defaults: ParsedActions | undefined): string[] {
  const all = [...(defaults?.transformations ?? []), ...parsed.transformations];
  const lastNone = all.findLastIndex((name) => name.toLowerCase() === 'none');
  return all.slice(lastNone + 1);
}

function mergeDisruption(parsed: ParsedActions, defaults: ParsedActions | undefined, profile: Profile): Disruption {
  // In ModSecurity 3 only `block` does what SecDefaultAction says.
  const usesDefault = parsed.disruption === 'block' || (parsed.disruption === undefined && profile !== 'modsecurity3');
  const source = usesDefault ? defaults : parsed;
  const kind = source?.disruption ?? 'pass';
  const status = parsed.status ?? defaults?.status ?? fallback.status;
  switch (kind) {
    case 'deny':
      return { kind, status };
    case 'redirect':
      // Any other status is not the redirection's, but SecDefaultAction's.
      return { kind, status: status > 300 && status < 400 ? status : 302, url: source!.url! };
    case 'allow':
      return { kind, scope: source!.allowScope };
    case 'drop':
      // A dropped connection gets no answer; ModSecurity 3 answers.
      return { kind, status: profile === 'modsecurity3' ? status : 444 };
    default:
      return { kind: 'pass' };
  }
}
