/** Reading of untyped wire objects: every function refuses what does not fit, naming the field, and no field goes unread. */
import { MeshError } from '../mesh-error.ts';

type Fields = Readonly<Record<string, unknown>>;

export function refuse(field: string, problem: string): never {
  throw new MeshError('bad-resource', field, problem);
}

/** An object with no other field than these. @returns undefined when it is absent or null */
export function readFields(value: unknown, field: string, known: readonly string[]): Fields | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'object' || Array.isArray(value)) refuse(field, `found ${describe(value)}, expected an object`);
  const unknown = Object.keys(value).find((name) => !known.includes(name));
  if (unknown !== undefined) refuse(`${field}.${unknown}`, `unknown field; known here: ${known.join(', ')}`);
  return value as Fields;
}

/** @returns undefined when it is absent or null; an empty list stays one */
export function readList(value: unknown, field: string): readonly unknown[] | undefined {
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value)) refuse(field, `found ${describe(value)}, expected a list`);
  return value;
}

export function readString(value: unknown, field: string): string {
  if (typeof value !== 'string' || value === '') refuse(field, `found ${describe(value)}, expected a text that is not empty`);
  return value;
}

/** A list of non-empty texts; absent = empty. */
export function readStrings(value: unknown, field: string): string[] {
  return (readList(value, field) ?? []).map((item, index) => readString(item, `${field}[${index}]`));
}

export function readChoice<T extends string>(value: unknown, field: string, choices: readonly T[], fallback: T): T {
  if (value === undefined || value === null || value === '') return fallback;
  const choice = choices.find((candidate) => candidate === value);
  return choice ?? refuse(field, `found ${describe(value)}, expected ${choices.join(', ')}`);
}

/** `selector.matchLabels` of Istio's WorkloadSelector. @returns undefined without a selector: every workload */
export function readSelector(value: unknown, field: string): Readonly<Record<string, string>> | undefined {
  const selector = readFields(value, field, ['matchLabels']);
  if (selector === undefined) return undefined;
  const labels = selector['matchLabels'];
  if (labels === undefined || labels === null) return {};
  if (typeof labels !== 'object' || Array.isArray(labels)) refuse(`${field}.matchLabels`, `found ${describe(labels)}, expected an object`);
  for (const [key, text] of Object.entries(labels)) {
    const where = `${field}.matchLabels[${key}]`;
    if (key === '' || key.includes('*')) refuse(where, 'expected a label name without "*"');
    if (typeof text !== 'string' || text.includes('*')) refuse(where, `found ${describe(text)}, expected a text without "*"`);
  }
  return labels as Readonly<Record<string, string>>;
}

function describe(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' && value !== null ? 'an object' : (JSON.stringify(value) ?? 'nothing');
}
