import type { Rule } from '../compile/model.ts';
import { operatorTitle } from '../seclang/operator.ts';
import type { MatchedRule, MatchedVariable, TransactionState } from '../transaction/state.ts';
import { expand } from './actions.ts';
import { renderOperator } from './rule.ts';

/** Put a whole match into the result, for logs. */
export function recordMatch(state: TransactionState, head: Rule, matches: readonly MatchedVariable[]): void {
  const { actions, meta } = head;
  const first = matches[0];
  if (!actions.isLogged && !actions.isAuditLogged) return;
  if (first?.message !== undefined) state.trace?.(9, `Saving msg: ${first.message}`);
  state.matched.push({
    id: head.id,
    phase: state.phase,
    file: head.position.file,
    line: head.position.line,
    message: first?.message,
    logdata: first?.logdata,
    severity: meta.severity,
    tags: expandTags(state, meta.tags),
    ver: meta.ver,
    rev: meta.rev,
    isLogged: actions.isLogged,
    isAuditLogged: actions.isAuditLogged,
    operator: renderOperator(lastOf(head)),
    test: testOf(state, lastOf(head)),
    maturity: meta.maturity,
    accuracy: meta.accuracy,
    transformations: head.transformations.name,
    variables: matches,
  });
}

function testOf(state: TransactionState, { operator }: Rule): MatchedRule['test'] {
  if (!operator) return undefined;
  return { operator: operatorTitle(operator.node.name), argument: expand(state, operator.argument) };
}

function expandTags(state: TransactionState, tags: Rule['meta']['tags']): string[] {
  const texts = tags.map((tag) => expand(state, tag));
  for (const tag of texts) state.trace?.(9, `Rule tag: ${tag}`);
  return texts;
}

function lastOf(head: Rule): Rule {
  let rule = head;
  while (rule.next) rule = rule.next;
  return rule;
}
