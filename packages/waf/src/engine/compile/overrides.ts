import { WafConfigError } from '../errors.ts';
import { parseActions } from '../seclang/actions.ts';
import type { DirectiveNode, Profile } from '../seclang/ast.ts';
import { parseVariables } from '../seclang/variables.ts';
import { parseRuleActions } from './actions.ts';
import { idRanges, isInRanges, ruleFilter } from './control.ts';
import type { DraftRule } from './draft.ts';
import type { RuleFilter } from './model.ts';

/** Apply SecRuleRemove…, SecRuleUpdateTarget… and SecRuleUpdateActionById to the rules (and chains) defined so far. */
export function applySettings(node: DirectiveNode, heads: readonly DraftRule[], profile: Profile, notes: string[]): void {
  const pick = (filter: RuleFilter): DraftRule[] => heads.filter((rule) => fitsDraft(rule, filter));
  const note = (found: readonly unknown[]) => {
    if (found.length === 0)
      notes.push(`${node.position.file}:${node.position.line}: ${node.name} ${node.args[0]} fits no rule defined before it`);
  };
  switch (node.name) {
    case 'SecRuleRemoveById':
    case 'SecRuleRemoveByTag':
    case 'SecRuleRemoveByMsg': {
      const filter = ruleFilter(filterKind(node.name), node.args.join(' '), node.position, profile);
      const found = pick(filter);
      for (const rule of found) rule.removedBy = node.name;
      note(found);
      return;
    }
    case 'SecRuleUpdateTargetById':
    case 'SecRuleUpdateTargetByTag':
    case 'SecRuleUpdateTargetByMsg': {
      const found =
        node.name === 'SecRuleUpdateTargetById'
          ? pickById(heads, node)
          : pick(ruleFilter(filterKind(node.name), node.args[0]!, node.position, profile));
      for (const rule of found) for (const link of updatedLinks(rule, node, profile)) updateTargets(link, node, profile);
      note(found);
      return;
    }
    case 'SecRuleUpdateActionById': {
      const found = pickById(heads, node);
      const update = parseActions(node.args[1]!, node.position);
      for (const rule of found) {
        if (update.some((action) => action.name === 'id' || action.name === 'phase')) {
          throw new WafConfigError('bad-argument', node.position, `${node.name} must not change id or phase`);
        }
        const kept = rule.actions.filter((action) => !replaces(update, action.name));
        rule.actions = [...kept, ...update];
        (rule as { parsed: DraftRule['parsed'] }).parsed = {
          ...parseRuleActions(rule.actions, node.position, profile),
          isChained: rule.parsed.isChained,
        };
      }
      note(found);
      return;
    }
    default:
  }
}

const disruptive: ReadonlySet<string> = new Set(['allow', 'block', 'deny', 'drop', 'pass', 'proxy', 'redirect']);
const several: ReadonlySet<string> = new Set(['ctl', 'expirevar', 'initcol', 'setenv', 'setvar', 't', 'tag', 'xmlns']);

function replaces(update: readonly { readonly name: string }[], name: string): boolean {
  if (several.has(name)) return name === 't' && update.some((action) => action.name === 't');
  return update.some((action) => action.name === name || (disruptive.has(action.name) && disruptive.has(name)));
}

function filterKind(directive: string): RuleFilter['by'] {
  return directive.endsWith('ById') ? 'id' : directive.endsWith('ByTag') ? 'tag' : 'msg';
}

/** `12:1` names the first chained rule of rule 12. */
function pickById(heads: readonly DraftRule[], node: DirectiveNode): DraftRule[] {
  const chained = /^(\d+):(\d+)$/.exec(node.args[0]!);
  if (!chained) {
    const ranges = idRanges(node.args[0]!, node.position);
    return heads.filter((rule) => isInRanges(rule.parsed.id, ranges));
  }
  const head = heads.find((rule) => rule.parsed.id === Number(chained[1]));
  const index = Number(chained[2]);
  const rule = index === 0 ? head : head?.chained[index - 1];
  return rule ? [rule] : [];
}

/** ModSecurity 2.9 updates every link of a chain, 3 the head alone; `12:1` is one link of it to both manuals. */
function updatedLinks(rule: DraftRule, node: DirectiveNode, profile: Profile): DraftRule[] {
  if (profile !== 'modsecurity2' || node.args[0]!.includes(':')) return [rule];
  return [rule, ...rule.chained].filter((link) => link.node.operator !== undefined);
}

function fitsDraft(rule: DraftRule, filter: RuleFilter): boolean {
  if (filter.by === 'id') return isInRanges(rule.parsed.id, filter.ranges);
  return rule.node.actions.some((action) => action.name === filter.by && filter.matches(action.value ?? ''));
}

function updateTargets(rule: DraftRule, node: DirectiveNode, profile: Profile): void {
  const written = parseVariables(node.args[1]!, node.position);
  // In ModSecurity 3 an argument taken out here is taken out by its name, too.
  const names = written.filter((variable) => profile === 'modsecurity3' && variable.isExclusion && variable.name === 'ARGS');
  const added = [...written, ...names.map((variable) => ({ ...variable, name: 'ARGS_NAMES' }))];
  const replaced = node.args[2];
  if (replaced !== undefined) {
    const gone = new Set(parseVariables(replaced, node.position).map((variable) => `${variable.name}:${variable.key ?? ''}`));
    rule.variables = rule.variables.filter((variable) => !gone.has(`${variable.name}:${variable.key ?? ''}`));
  }
  rule.variables.push(...added);
}
