import { badRequest } from './errors.ts';
import { checkLabelValue, checkQualifiedName } from './validate/names.ts';

/** Label and field selectors, as text (query parameters) and as objects (`metav1.LabelSelector`). */

type Labels = Readonly<Record<string, string>>;

/** True where the labels satisfy every requirement; no labels are an empty set. */
export type LabelSelectorMatcher = (labels: Labels | undefined) => boolean;

export interface LabelSelectorObject {
  readonly matchLabels?: Labels;
  readonly matchExpressions?: readonly { readonly key: string; readonly operator: string; readonly values?: readonly string[] }[];
}

type Operator = 'In' | 'NotIn' | 'Exists' | 'DoesNotExist' | 'Gt' | 'Lt';

interface Requirement {
  readonly key: string;
  readonly operator: Operator;
  readonly values: readonly string[];
}

function holds(requirement: Requirement, labels: Labels): boolean {
  const { key, operator, values } = requirement;
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
    case 'Lt': {
      if (value === undefined || !/^-?\d+$/.test(value)) return false;
      const [found, bound] = [BigInt(value), BigInt(values[0]!)];
      return operator === 'Gt' ? found > bound : found < bound;
    }
    default:
      return operator satisfies never;
  }
}

const empty: Labels = Object.freeze({});

/** Tokens of the text form: words, and the symbols `( ) , ! = == != > <`. */
function tokenize(text: string): string[] {
  return text.match(/!=|==|[=!(),<>]|[^\s=!(),<>]+/g) ?? [];
}

const isWord = (token: string | undefined): token is string => token !== undefined && !/^(!=|==|[=!(),<>])$/.test(token);

function refuse(why: string): never {
  throw badRequest(`unable to parse requirement: ${why}`);
}

class RequirementReader {
  readonly #tokens: string[];
  #next = 0;

  constructor(text: string) {
    this.#tokens = tokenize(text);
  }

  readAll(): Requirement[] {
    const out: Requirement[] = [];
    if (this.#tokens.length === 0) return out;
    for (;;) {
      out.push(this.#checked(this.#one()));
      const token = this.#take();
      if (token === undefined) return out;
      if (token !== ',') this.#unexpected(token, "',' or 'end of string'");
      if (this.#peek() === undefined) throw badRequest("found '', expected: identifier after ','");
    }
  }

  #peek(): string | undefined {
    return this.#tokens[this.#next];
  }

  #take(): string | undefined {
    return this.#tokens[this.#next++];
  }

  #unexpected(found: string | undefined, wanted: string): never {
    refuse(`found '${found ?? ''}', expected: ${wanted}`);
  }

  #one(): Requirement {
    const absent = this.#peek() === '!';
    if (absent) this.#take();
    const key = this.#take();
    if (!isWord(key)) throw badRequest(`found '${key ?? ''}', expected: !, identifier, or 'end of string'`);
    if (absent) return { key, operator: 'DoesNotExist', values: [] };
    const operator = this.#peek();
    if (operator === undefined || operator === ',') return { key, operator: 'Exists', values: [] };
    this.#take();
    switch (operator) {
      case '=':
      case '==':
        return { key, operator: 'In', values: [this.#value()] };
      case '!=':
        return { key, operator: 'NotIn', values: [this.#value()] };
      case '>':
        return { key, operator: 'Gt', values: [this.#value()] };
      case '<':
        return { key, operator: 'Lt', values: [this.#value()] };
      case 'in':
        return { key, operator: 'In', values: this.#list() };
      case 'notin':
        return { key, operator: 'NotIn', values: this.#list() };
      default:
        return this.#unexpected(operator, 'in, notin, =, ==, !=, gt, lt');
    }
  }

  /** A missing value is the empty string: `a=` and `a=,b` are valid. */
  #value(): string {
    const token = this.#peek();
    if (token === undefined || token === ',') return '';
    if (!isWord(token)) this.#unexpected(token, 'identifier');
    this.#take();
    return token;
  }

  #list(): string[] {
    const open = this.#take();
    if (open !== '(') refuse(`found '${open ?? ''}' expected: '('`);
    const out: string[] = [];
    for (;;) {
      const token = this.#take();
      if (token === ')') return [...out, ''];
      if (token === ',') {
        out.push('');
        continue;
      }
      if (!isWord(token)) this.#unexpected(token, "',', ')' or identifier");
      out.push(token);
      const after = this.#take();
      if (after === ')') return out;
      if (after !== ',') this.#unexpected(after, "',' or ')'");
    }
  }

  #checked(requirement: Requirement): Requirement {
    const { key, operator, values } = requirement;
    const keyErrors = checkQualifiedName(key);
    if (keyErrors.length > 0)
      refuse(`<nil>: Invalid value: ${JSON.stringify(key)}: ${keyErrors.join('; ').replace('63 bytes', '63 characters')}`);
    for (const [i, value] of values.entries()) {
      if ((operator === 'Gt' || operator === 'Lt') && !/^-?\d+$/.test(value)) {
        refuse(`values[${i}]: Invalid value: ${JSON.stringify(value)}: for 'Gt', 'Lt' operators, the value must be an integer`);
      }
      const errors = checkLabelValue(value);
      if (errors.length > 0)
        refuse(`values[${i}][${key}]: Invalid value: ${JSON.stringify(value)}: ${errors.join('; ').replace('63 bytes', '63 characters')}`);
    }
    return requirement;
  }
}

/**
 * Reads the text form: `a=b,c!=d,e in (f,g),h notin (i),j,!k,l>1`. An empty text matches everything.
 * @throws StatusError 400 naming what was found and wanted
 */
export function parseLabelSelector(text: string): LabelSelectorMatcher {
  const requirements = new RequirementReader(text).readAll();
  return (labels) => requirements.every((r) => holds(r, labels ?? empty));
}

const operators = new Set<string>(['In', 'NotIn', 'Exists', 'DoesNotExist']);

/**
 * The object form. `undefined` matches nothing, `{}` matches everything (metav1.LabelSelectorAsSelector); an unknown operator, which
 * validation refuses, matches nothing.
 */
export function matchLabelSelector(selector: LabelSelectorObject | undefined, labels: Labels | undefined): boolean {
  if (!selector) return false;
  const own = labels ?? empty;
  for (const [key, value] of Object.entries(selector.matchLabels ?? {})) {
    if (!Object.hasOwn(own, key) || own[key] !== value) return false;
  }
  return (selector.matchExpressions ?? []).every(
    (e) => operators.has(e.operator) && holds({ key: e.key, operator: e.operator as Operator, values: e.values ?? [] }, own),
  );
}

/** The text form of the object form, for list calls. Empty for `{}`. */
export function formatLabelSelector(selector: LabelSelectorObject): string {
  const parts = Object.entries(selector.matchLabels ?? {}).map(([k, v]) => `${k}=${v}`);
  for (const { key, operator, values } of selector.matchExpressions ?? []) {
    if (operator === 'Exists') parts.push(key);
    else if (operator === 'DoesNotExist') parts.push(`!${key}`);
    else parts.push(`${key} ${operator === 'In' ? 'in' : 'notin'} (${[...(values ?? [])].sort().join(',')})`);
  }
  return parts.sort().join(',');
}

export interface FieldRequirement {
  readonly field: string;
  readonly op: '=' | '!=';
  readonly value: string;
}

/**
 * Reads `metadata.name=x,status.phase!=Running`. `\\`, `\,` and `\=` stand for themselves in values (fields.ParseSelector).
 * @throws StatusError 400
 */
export function parseFieldSelector(text: string): FieldRequirement[] {
  const out: FieldRequirement[] = [];
  for (const term of text.match(/(?:\\.|[^,\\])+/g) ?? []) {
    const match = /^((?:\\.|[^=!\\])*)(!=|==|=)((?:\\.|[^\\])*)$/.exec(term);
    if (!match) throw badRequest(`invalid selector: '${text}'; can't understand '${term}'`);
    const [, field, operator, value] = match as unknown as [string, string, string, string];
    if (/(^|[^\\])=/.test(value)) throw badRequest(`invalid field selector: unescaped '=' in value '${value}'`);
    out.push({ field, op: operator === '!=' ? '!=' : '=', value: value.replace(/\\([\\,=])/g, '$1') });
  }
  return out;
}
