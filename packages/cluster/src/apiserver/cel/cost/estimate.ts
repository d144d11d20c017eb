import type { Environment } from '@marcbachmann/cel-js';
import { costOfCall, exactly, type Operand, type Range, times, UNKNOWN } from './calls.ts';
import type { Kind, Sized } from './sizes.ts';

/**
 * The most that evaluating an expression can cost, by the limits of its schema (cel-go `checker/cost.go`): what may be written into a
 * definition depends on it.
 */

export type Ast = ReturnType<Environment['parse']>['ast'];

/** Costs of what is no call. */
export const LIST_COST = 10;
export const MAP_COST = 30;

/** For each element of the list that a macro goes through, besides its predicate; `cost` of the result and of the start. */
export const MACROS: Readonly<Record<string, { readonly each: number; readonly once: number }>> = {
  all: { each: 3, once: 1 },
  exists: { each: 4, once: 1 },
  exists_one: { each: 2, once: 2 },
  map: { each: 2 + LIST_COST, once: 1 + LIST_COST },
  filter: { each: 3 + LIST_COST, once: 1 + LIST_COST },
};

interface Estimate extends Operand {
  readonly cost: number;
  /** The place of the schema that the value stands at: null where it leads nowhere, undefined for what was computed. */
  readonly at?: Sized | null;
}

interface Variables {
  readonly root: Sized;
  readonly byName: ReadonlyMap<string, Estimate>;
}

/** @param root what `self` and `oldSelf` are */
export function estimateCost(ast: Ast, root: Sized): number {
  const self: Estimate = valueAt(root, 1);
  const byName = new Map(['self', 'oldSelf'].map((name) => [name, self]));
  return visit(ast, { root, byName }).cost;
}

const isAst = (value: unknown): value is Ast => typeof value === 'object' && value !== null && 'op' in value && 'args' in value;

/** A value of a place of the schema. */
function valueAt(at: Sized | null | undefined, cost: number, kind: Kind = at?.kind ?? 'dyn'): Estimate {
  const size = at ? { min: 0, max: at.maxElements } : kind === 'scalar' ? exactly(1) : UNKNOWN;
  const elem = at?.elem && { kind: at.elem.kind, size: { min: 0, max: at.elem.maxElements } };
  return { cost, kind, size, ...(at === undefined ? {} : { at }), ...(elem ? { elem } : {}) };
}

/** One step further. As in cel-go, the first step from what was computed, and a name nobody declared, are taken for the root. */
function below({ at }: Estimate, { root }: Variables, pick: (at: Sized) => Sized | undefined): Sized | null {
  if (at === undefined) return root;
  return at === null ? null : (pick(at) ?? null);
}

function visit(node: Ast, variables: Variables): Estimate {
  const { op, args } = node as { op: string; args: unknown };
  const list = args as readonly unknown[];
  const of = (child: unknown) => visit(child as Ast, variables);
  switch (op) {
    case 'value':
      return literal(args);
    case 'id':
      return { ...(variables.byName.get(String(args)) ?? valueAt(variables.root, 1, 'dyn')), cost: 1 };
    case '.':
    case '.?':
      return select(of(list[0]), String(list[1]), op, variables);
    case '[]':
    case '[?]': {
      const [target, key] = [of(list[0]), of(list[1])];
      return valueAt(
        below(target, variables, (at) => at.elem),
        target.cost + key.cost + 1,
        target.elem?.kind,
      );
    }
    case 'list': {
      const items = list.map(of);
      const size = items.reduce<Range>((range, item) => union(range, item.size), exactly(0));
      const cost = LIST_COST + items.reduce((sum, item) => sum + item.cost, 0);
      return { cost, kind: 'list', size: exactly(items.length), elem: { kind: items[0]?.kind ?? 'dyn', size } };
    }
    case 'map': {
      const entries = (list as readonly (readonly [unknown, unknown])[]).flat().map(of);
      return { cost: MAP_COST + entries.reduce((sum, entry) => sum + entry.cost, 0), kind: 'map', size: exactly(list.length) };
    }
    case '?:': {
      const [condition, yes, no] = list.map(of) as [Estimate, Estimate, Estimate];
      return { ...yes, cost: condition.cost + Math.max(yes.cost, no.cost), size: union(yes.size, no.size) };
    }
    case '||':
    case '&&':
      return { ...valueAt(undefined, of(list[0]).cost + of(list[1]).cost, 'scalar') };
    case '!_':
    case '-_':
      return valueAt(undefined, of(args).cost + 1, 'scalar');
    case 'call':
      return call(String(list[0]), undefined, list[1] as readonly Ast[], variables);
    case 'rcall':
      return method(list as unknown as [string, Ast, readonly Ast[]], variables);
    default:
      return call(`_${op}_`, undefined, list as readonly Ast[], variables);
  }
}

const union = (a: Range, b: Range): Range => ({ min: Math.min(a.min, b.min), max: Math.max(a.max, b.max) });

function literal(value: unknown): Estimate {
  if (typeof value === 'string') return { cost: 0, kind: 'string', size: exactly([...value].length) };
  if (value instanceof Uint8Array) return { cost: 0, kind: 'bytes', size: exactly(value.length) };
  return { cost: 0, kind: 'scalar', size: exactly(1) };
}

function select(target: Estimate, name: string, op: string, variables: Variables): Estimate {
  if (op === '.?') return valueAt(undefined, target.cost + 1);
  const isHeld = target.kind === 'map' || target.kind === 'object';
  const at = below(target, variables, ({ fields }) => fields?.get(name));
  return valueAt(at, target.cost + (isHeld ? 1 : 0), at?.kind ?? (target.kind === 'map' ? target.elem?.kind : undefined) ?? 'dyn');
}

/** Results of these are texts, lists or truth values whatever they are given. */
const RESULTS: Readonly<Record<string, Kind>> = {
  string: 'string',
  lowerAscii: 'string',
  upperAscii: 'string',
  substring: 'string',
  trim: 'string',
  replace: 'string',
  join: 'string',
  find: 'string',
  format: 'string',
  split: 'list',
  findAll: 'list',
  bytes: 'bytes',
  size: 'scalar',
  int: 'scalar',
  double: 'scalar',
  duration: 'scalar',
  timestamp: 'scalar',
  indexOf: 'scalar',
  lastIndexOf: 'scalar',
  sum: 'scalar',
};

/** An element of what they are asked about. */
const OF_ELEMENTS = new Set(['min', 'max']);

function call(name: string, target: Estimate | undefined, args: readonly Ast[], variables: Variables): Estimate {
  // Whether a field is there costs what it takes to get to it.
  if (name === 'has' && isAst(args[0])) {
    const [operand] = args[0].args as unknown as [Ast];
    return valueAt(undefined, visit(operand, variables).cost, 'scalar');
  }
  const given = args.map((arg) => visit(arg, variables));
  const { cost, size } = costOfCall(name, target, given);
  const total = given.reduce((sum, one) => sum + one.cost, 0) + (target?.cost ?? 0) + cost;
  if (name === 'dyn') return { ...given[0]!, cost: total };
  const isSum = name === '_+_';
  const own = OF_ELEMENTS.has(name) ? target?.elem?.kind : isSum ? given[0]!.kind : name.startsWith('_') ? 'scalar' : undefined;
  const kind = RESULTS[name] ?? own ?? 'dyn';
  const elem = isSum ? given[0]!.elem : kind === 'list' && size !== undefined ? { kind: 'string' as const, size } : undefined;
  return { ...valueAt(undefined, total, kind), ...(size ? { size } : {}), ...(elem ? { elem } : {}) };
}

function method([name, receiver, args]: [string, Ast, readonly Ast[]], variables: Variables): Estimate {
  const namespace = (receiver.op as string) === 'id' && !variables.byName.has(String(receiver.args)) ? String(receiver.args) : undefined;
  if (namespace !== undefined) return call(`${namespace}.${name}`, undefined, args, variables);
  const target = visit(receiver, variables);
  return MACROS[name] !== undefined && args.length > 1 ? macro(name, target, args, variables) : call(name, target, args, variables);
}

function macro(name: string, range: Estimate, [variable, ...bodies]: readonly Ast[], variables: Variables): Estimate {
  const item: Estimate =
    range.kind === 'map' || range.kind === 'object'
      ? { cost: 1, kind: 'string', size: exactly(0) }
      : valueAt(
          below(range, variables, (at) => at.elem),
          1,
          range.elem?.kind,
        );
  const within: Variables = { ...variables, byName: new Map([...variables.byName, [String(variable!.args), item]]) };
  const inner = bodies.map((body) => visit(body, within));
  const { each, once } = MACROS[name]!;
  const step = inner.reduce((sum, body) => sum + body.cost, each);
  const cost = range.cost + once + times(range.size.max, step);
  if (name !== 'map' && name !== 'filter') return valueAt(undefined, cost, 'scalar');
  const element = name === 'map' ? inner.at(-1)! : item;
  return { cost, kind: 'list', size: range.size, elem: { kind: element.kind, size: element.size } };
}
