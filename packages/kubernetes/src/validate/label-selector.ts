import type { LabelSelectorObject } from '../selectors.ts';
import type { Findings } from './findings.ts';
import { validateLabels } from './meta.ts';
import { checkLabelValue, checkQualifiedName } from './names.ts';

const operators = ['In', 'NotIn', 'Exists', 'DoesNotExist'];

/** metav1 `ValidateLabelSelector`. An absent selector is fine here; who needs one says so. */
export function validateLabelSelector(f: Findings, field: string, selector: LabelSelectorObject | undefined): void {
  if (!selector) return;
  validateLabels(f, `${field}.matchLabels`, selector.matchLabels);
  for (const [i, { key, operator, values = [] }] of (selector.matchExpressions ?? []).entries()) {
    const at = `${field}.matchExpressions[${i}]`;
    if ((operator === 'In' || operator === 'NotIn') && values.length === 0)
      f.required(`${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'");
    if ((operator === 'Exists' || operator === 'DoesNotExist') && values.length > 0)
      f.forbidden(`${at}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
    if (!operators.includes(operator)) f.invalid(`${at}.operator`, operator, 'not a valid selector operator');
    f.invalidEach(`${at}.key`, key, checkQualifiedName(key));
    for (const [j, value] of values.entries()) f.invalidEach(`${at}.values[${j}]`, value, checkLabelValue(value));
  }
}

/** Whether the server could make a selector of it: operators known, values where they belong. */
export function isUsableSelector(selector: LabelSelectorObject): boolean {
  return (selector.matchExpressions ?? []).every(
    ({ operator, values = [] }) => operators.includes(operator) && values.length > 0 === (operator === 'In' || operator === 'NotIn'),
  );
}

export const isEmptySelector = (selector: LabelSelectorObject): boolean =>
  Object.keys(selector.matchLabels ?? {}).length + (selector.matchExpressions ?? []).length === 0;
