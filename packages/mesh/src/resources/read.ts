/** Reading of untyped wire objects: every function refuses what does not fit, naming the field, and no field goes unread. */
import { checkLabelValue, checkQualifiedName } from '@palisade/kubernetes';
import { MeshError } from '../mesh-error.ts';

type Fields = Readonly<Record<string, unknown>>;

export function refuse(field: string, problem: string): never {
  throw new MeshError('bad-resource', field, problem);
}

/** Fields of Istio's that are not served, each with what to do instead; '' = nothing. */
export type NotYet = Readonly<Record<string, string>>;

export function notYet(...names: readonly string[]): NotYet {
  return Object.fromEntries(names.map((name) => [name, '']));
}

/** An object with no other field than these. @returns undefined when it is absent or null */
export function readFields(value: unknown, field: string, known: readonly string[], unserved: NotYet = {}): Fields | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'object' || Array.isArray(value)) refuse(field, `found ${describe(value)}, expected an object`);
  for (const [name, item] of Object.entries(value)) {
    const instead = Object.hasOwn(unserved, name) ? unserved[name] : undefined;
    if (instead === undefined && !known.includes(name)) refuse(`${field}.${name}`, `unknown field; known here: ${known.join(', ')}`);
    if (instead !== undefined && !isUnset(item)) refuse(`${field}.${name}`, `not yet supported${instead === '' ? '' : `: ${instead}`}`);
  }
  return value as Fields;
}

/** protobuf's "not given": tools write it out. */
function isUnset(value: unknown): boolean {
  return value === undefined || value === null || value === '' || value === false || (Array.isArray(value) && value.length === 0);
}

/** An object whose field names are data. Absent = none. */
export function readMap(value: unknown, field: string): readonly (readonly [string, unknown])[] {
  return Object.entries(readFields(value, field, Object.keys((value as object | null | undefined) ?? {})) ?? {});
}

/** Labels to compare with: a value may be empty. */
export function readLabels(value: unknown, field: string): Readonly<Record<string, string>> {
  const read = (text: unknown, where: string) =>
    typeof text === 'string' && checkLabelValue(text).length === 0
      ? text
      : refuse(where, `found ${describe(text)}, expected a label’s value`);
  const wrong = readMap(value, field).find(([key]) => checkQualifiedName(key).length > 0);
  if (wrong !== undefined) refuse(`${field}[${wrong[0]}]`, `"${wrong[0]}" is no label’s name`);
  return Object.fromEntries(readMap(value, field).map(([key, text]) => [key, read(text, `${field}[${key}]`)]));
}

/** Absent = false. */
export function readFlag(value: unknown, field: string): boolean {
  if (value === undefined || value === null) return false;
  return typeof value === 'boolean' ? value : refuse(field, `found ${describe(value)}, expected true or false`);
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

/** @returns undefined when it is absent, null or empty */
export function readOptional(value: unknown, field: string): string | undefined {
  return value === undefined || value === null || value === '' ? undefined : readString(value, field);
}

/** A list of non-empty texts; absent = empty. */
export function readStrings(value: unknown, field: string): string[] {
  return (readList(value, field) ?? []).map((item, index) => readString(item, `${field}[${index}]`));
}

/** @param unserved choices of Istio's that are not among these */
export function readChoice<T extends string>(
  value: unknown,
  field: string,
  choices: readonly T[],
  fallback: T,
  unserved: readonly string[] = [],
): T {
  if (value === undefined || value === null) return fallback;
  const choice = choices.find((candidate) => candidate === value);
  if (choice === undefined && unserved.some((candidate) => candidate === value)) refuse(field, `${value as string} is not yet supported`);
  return choice ?? refuse(field, `found ${describe(value)}, expected ${choices.join(', ')}`);
}

/** Beside a selector, in the kinds of security.istio.io. */
export const targetRefs: NotYet = { targetRef: 'use spec.selector', targetRefs: 'use spec.selector' };

/** `selector.matchLabels` of Istio's WorkloadSelector. @returns undefined without a selector: every workload */
export function readSelector(value: unknown, field: string): Readonly<Record<string, string>> | undefined {
  const selector = readFields(value, field, ['matchLabels']);
  if (selector === undefined) return undefined;
  return Object.fromEntries(
    readMap(selector['matchLabels'], `${field}.matchLabels`).map(([key, text]) => {
      const where = `${field}.matchLabels[${key}]`;
      if (key === '' || key.includes('*')) refuse(where, 'expected a label name without "*"');
      if (typeof text !== 'string' || text.includes('*')) refuse(where, `found ${describe(text)}, expected a text without "*"`);
      return [key, text];
    }),
  );
}

function describe(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' && value !== null ? 'an object' : (JSON.stringify(value) ?? 'nothing');
}
