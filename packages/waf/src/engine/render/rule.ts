import type { Rule } from '../compile/model.ts';
import { renderVariable } from '../compile/targets.ts';
import { operatorNames } from '../seclang/operator.ts';

/** One rule as SecLang text, its own actions alone. */
export function renderRule({ operator, variables, actionNodes, phase }: Rule): string {
  const quote = (text: string) => `"${text.replaceAll('"', '\\"')}"`;
  const actions = actionNodes
    .filter(({ name }) => name !== 'phase')
    .map(({ name, value }) => (value === undefined ? name : `${name}:${renderValue(value)}`));
  const list = quote([`phase:${phase}`, ...actions].join(','));
  if (!operator) return `SecAction ${list}`;
  const { name, isNegated, argument } = operator.node;
  const test = `${isNegated ? '!' : ''}@${operatorNames.get(name) ?? name} ${argument}`;
  return `SecRule ${quote(variables.map(renderVariable).join('|'))} ${quote(test)} ${list}`;
}

function renderValue(value: string): string {
  return /[\s,']/.test(value) ? `'${value.replaceAll("'", "\\'")}'` : value;
}
