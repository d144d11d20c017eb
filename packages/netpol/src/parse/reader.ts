import { PolicyError } from '../errors.ts';

/** A JSON value together with the path at which it stands, so that every refusal can name its field. */
export interface Located {
  readonly value: unknown;
  readonly path: string;
}

export type Fields = Record<string, Located>;

function quote(value: unknown): string {
  const text = JSON.stringify(value);
  return text === undefined ? 'nothing' : text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

export function refuse(path: string, found: unknown, wanted: string): PolicyError {
  return new PolicyError('invalid', path, `found ${quote(found)}, expected ${wanted}`);
}

/**
 * The fields of an object. A field set to null counts as absent, as in the Kubernetes API. A field that is not in `known`
 * refuses the object: what cannot be understood may not be ignored in a security policy.
 */
export function readObject(at: Located, known: readonly string[]): Fields {
  if (typeof at.value !== 'object' || at.value === null || Array.isArray(at.value)) throw refuse(at.path, at.value, 'an object');
  const fields: Fields = {};
  for (const [name, value] of Object.entries(at.value)) {
    const path = at.path === '' ? name : `${at.path}.${name}`;
    if (!known.includes(name)) throw new PolicyError('unknown-field', path, `unknown field, expected one of ${known.join(', ')}`);
    if (value !== null && value !== undefined) fields[name] = { value, path };
  }
  return fields;
}

/** The elements of a list; `undefined` when the field is absent. */
export function readList(at: Located | undefined): readonly Located[] | undefined {
  if (at === undefined) return undefined;
  if (!Array.isArray(at.value)) throw refuse(at.path, at.value, 'a list');
  return at.value.map((value, index) => ({ value, path: `${at.path}[${index}]` }));
}

export function readString(at: Located): string {
  if (typeof at.value !== 'string') throw refuse(at.path, at.value, 'a string');
  return at.value;
}

export function readInteger(at: Located, min: number, max: number): number {
  if (typeof at.value !== 'number' || !Number.isInteger(at.value) || at.value < min || at.value > max) {
    throw refuse(at.path, at.value, `a whole number from ${min} to ${max}`);
  }
  return at.value;
}

export function readOneOf<const T extends string>(at: Located, values: readonly T[]): T {
  const found = values.find((value) => value === at.value);
  if (found === undefined) throw refuse(at.path, at.value, values.map((v) => `"${v}"`).join(' or '));
  return found;
}

export function requireField(fields: Fields, name: string, parent: string): Located {
  const at = fields[name];
  if (at === undefined) throw new PolicyError('required', parent === '' ? name : `${parent}.${name}`, 'missing, must be given');
  return at;
}
