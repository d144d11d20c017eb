import { PolicyError } from './errors.ts';
import { type Located, readList, readObject, readOneOf, readString, refuse, requireField } from './parse/reader.ts';

export type Labels = Readonly<Record<string, string>>;

export interface Requirement {
  readonly key: string;
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  readonly values: readonly string[];
}

/** All requirements must hold; none means that everything is selected (`metav1.LabelSelector`). */
export interface Selector {
  readonly requirements: readonly Requirement[];
  /** Equal for selectors that say the same thing in another order: the key under which results are shared. */
  readonly canonical: string;
}

const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/;
const DNS_SUBDOMAIN = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/;

function isLabelKey(key: string): boolean {
  const slash = key.lastIndexOf('/');
  const prefix = key.slice(0, Math.max(slash, 0));
  return NAME.test(key.slice(slash + 1)) && (slash < 0 || (prefix.length <= 253 && DNS_SUBDOMAIN.test(prefix)));
}

function isLabelValue(value: string): boolean {
  return value === '' || NAME.test(value);
}

function checkKey(key: string, path: string): string {
  if (!isLabelKey(key))
    throw refuse(path, key, 'a label key (an optional DNS prefix and "/", then at most 63 letters, digits, "-", "_", ".")');
  return key;
}

function checkValue(at: Located): string {
  const value = readString(at);
  if (!isLabelValue(value)) throw refuse(at.path, value, 'a label value (at most 63 letters, digits, "-", "_", ".")');
  return value;
}

function parseExpression(at: Located): Requirement {
  const fields = readObject(at, ['key', 'operator', 'values']);
  const keyAt = requireField(fields, 'key', at.path);
  const key = checkKey(readString(keyAt), keyAt.path);
  const operator = readOneOf(requireField(fields, 'operator', at.path), ['In', 'NotIn', 'Exists', 'DoesNotExist']);
  const values = (readList(fields['values']) ?? []).map(checkValue);
  const needsValues = operator === 'In' || operator === 'NotIn';
  if (needsValues && values.length === 0)
    throw new PolicyError('required', `${at.path}.values`, `must be given when operator is ${operator}`);
  if (!needsValues && values.length > 0)
    throw new PolicyError('forbidden', `${at.path}.values`, `may not be given when operator is ${operator}`);
  return { key, operator, values };
}

/** Reads a `metav1.LabelSelector`; `{}`, `matchLabels: null` and empty lists all select everything. */
export function parseSelector(at: Located): Selector {
  const fields = readObject(at, ['matchLabels', 'matchExpressions']);
  const requirements: Requirement[] = [];
  const labels = fields['matchLabels'];
  if (labels !== undefined) {
    if (typeof labels.value !== 'object' || Array.isArray(labels.value)) throw refuse(labels.path, labels.value, 'an object of labels');
    for (const [key, value] of Object.entries(labels.value as object)) {
      checkKey(key, labels.path);
      requirements.push({ key, operator: 'In', values: [checkValue({ value, path: `${labels.path}.${key}` })] });
    }
  }
  for (const expression of readList(fields['matchExpressions']) ?? []) requirements.push(parseExpression(expression));
  return makeSelector(requirements);
}

export function makeSelector(requirements: readonly Requirement[]): Selector {
  const parts = requirements.map((r) => JSON.stringify([r.key, r.operator, ...[...new Set(r.values)].sort()]));
  return { requirements, canonical: [...new Set(parts)].sort().join('') };
}

/** Selects everything, as `{}` does. */
export const everything: Selector = makeSelector([]);

/** NotIn and DoesNotExist hold for an object that lacks the key. */
export function requirementHolds(requirement: Requirement, labels: Labels): boolean {
  const value = Object.hasOwn(labels, requirement.key) ? labels[requirement.key] : undefined;
  switch (requirement.operator) {
    case 'In':
      return value !== undefined && requirement.values.includes(value);
    case 'NotIn':
      return value === undefined || !requirement.values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    default:
      return requirement.operator satisfies never;
  }
}

export function selectorMatches(selector: Selector, labels: Labels): boolean {
  return selector.requirements.every((requirement) => requirementHolds(requirement, labels));
}

/**
 * Whether what the first selector says meets all that the second asks: by the same requirement, or by values that are each good
 * enough. What follows otherwise (no label meets `NotIn`) is left to be said by a line of its own.
 */
export function says(selector: Selector, wanted: Selector): boolean {
  return wanted.requirements.every((requirement) =>
    selector.requirements.some(({ key, operator, values }) => {
      if (key !== requirement.key) return false;
      if (operator === 'In') return values.every((value) => requirementHolds(requirement, { [key]: value }));
      return (
        operator === requirement.operator &&
        values.length === requirement.values.length &&
        values.every((v) => requirement.values.includes(v))
      );
    }),
  );
}

/** `app=db, tier in (a, b)`: the selector in kubectl's notation, `everything` when it has no requirement. */
export function describeSelector(selector: Selector): string {
  if (selector.requirements.length === 0) return 'everything';
  return selector.requirements
    .map(({ key, operator, values }) => {
      if (operator === 'In') return values.length === 1 ? `${key}=${values[0]}` : `${key} in (${values.join(', ')})`;
      if (operator === 'NotIn') return `${key} not in (${values.join(', ')})`;
      return operator === 'Exists' ? `${key} exists` : `${key} does not exist`;
    })
    .join(', ');
}
