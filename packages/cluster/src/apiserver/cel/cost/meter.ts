import { costOfCall, exactly, type Operand } from './calls.ts';
import { type Ast, LIST_COST, MACROS, MAP_COST } from './estimate.ts';

/** What an evaluation costs while it runs (cel-go `interpreter/runtimecost.go`). */
export interface Meter {
  /** What was spent since `start`. */
  readonly spent: number;
  readonly isExceeded: boolean;
  /** @param limit in units of cost; beyond it nothing more is evaluated */
  start(limit: number): void;
}

/** Thrown over and over once the limit is passed; it tells nothing that the meter does not. */
const EXCEEDED = new Error('operation cancelled: actual cost limit exceeded');
EXCEEDED.stack = EXCEEDED.message;

type Evaluate = (evaluator: unknown, node: unknown, context: unknown) => unknown;

/**
 * Counts every evaluation of every node of an expression, in place. Macros go through a list whatever fails in it, so an exceeded
 * meter lets each further evaluation fail at once.
 */
export function meterOf(ast: Ast): Meter {
  const meter = { spent: 0, limit: 0, isExceeded: false };
  const results = new Map<unknown, unknown>();
  const charge = (cost: number): void => {
    meter.spent += cost;
    if (meter.spent > meter.limit) meter.isExceeded = true;
    if (meter.isExceeded) throw EXCEEDED;
  };
  const watch = (node: Ast, each: number): void => {
    let { evaluate } = node as unknown as { evaluate: Evaluate };
    const counted: Evaluate = (evaluator, same, context) => {
      charge(each);
      const result = evaluate.call(node, evaluator, same, context);
      results.set(node, result);
      charge(costOf(node, results));
      return result;
    };
    // The evaluator puts a faster one in its place when it has seen a node once.
    Object.defineProperty(node, 'evaluate', {
      get: () => counted,
      set(next: Evaluate) {
        evaluate = next;
      },
    });
  };
  for (const [node, each] of nodesIn(ast, 0)) watch(node, each);
  return {
    get spent() {
      return meter.spent;
    },
    get isExceeded() {
      return meter.isExceeded;
    },
    start(limit) {
      Object.assign(meter, { spent: 0, limit, isExceeded: false });
      results.clear();
    },
  };
}

/** Every node that is evaluated, and what each evaluation of it costs before it starts: the step of the macro it is the predicate of. */
function* nodesIn(node: Ast, each: number): Generator<[node: Ast, each: number]> {
  yield [node, each];
  const { op, args } = node as { op: string; args: unknown };
  if (op === 'rcall') {
    const [name, receiver, given] = args as [string, Ast, readonly Ast[]];
    const macro = given.length > 1 ? MACROS[name] : undefined;
    yield* nodesIn(receiver, 0);
    for (const [i, arg] of given.entries())
      if (macro === undefined || i > 0) yield* nodesIn(arg, macro !== undefined && i === 1 ? macro.each : 0);
    return;
  }
  for (const child of childrenOf(args)) yield* nodesIn(child, 0);
}

function childrenOf(args: unknown): Ast[] {
  if (Array.isArray(args)) return args.flatMap(childrenOf);
  return typeof args === 'object' && args !== null && 'op' in args ? [args as Ast] : [];
}

/** What a node costs itself, once everything in it has a value. */
function costOf(node: Ast, results: ReadonlyMap<unknown, unknown>): number {
  const { op, args } = node as { op: string; args: unknown };
  const operands = (nodes: readonly unknown[]) => nodes.map((child) => operandOf(results.get(child)));
  const list = args as readonly unknown[];
  switch (op) {
    case 'value':
    case '?:':
    case '||':
    case '&&':
      return 0;
    case 'id':
    case '.':
    case '.?':
    case '[]':
    case '[?]':
    case '!_':
    case '-_':
      return 1;
    case 'list':
      return LIST_COST;
    case 'map':
      return MAP_COST;
    case 'call':
      return list[0] === 'has' ? 1 : costOfCall(String(list[0]), undefined, operands(list[1] as readonly unknown[])).cost;
    case 'rcall': {
      const [name, receiver, given] = args as [string, Ast, readonly Ast[]];
      const macro = given.length > 1 ? MACROS[name] : undefined;
      return macro?.once ?? costOfCall(name, operandOf(results.get(receiver)), operands(given)).cost;
    }
    default:
      return costOfCall(`_${op}_`, undefined, operands(list)).cost;
  }
}

function operandOf(value: unknown): Operand {
  if (typeof value === 'string') return { kind: 'string', size: exactly(value.length) };
  if (value instanceof Uint8Array) return { kind: 'bytes', size: exactly(value.length) };
  if (value instanceof Map) return { kind: 'map', size: exactly(value.size) };
  if (Array.isArray(value)) {
    const longest = value.reduce<number>((max, item) => (typeof item === 'string' ? Math.max(max, item.length) : max), 0);
    return {
      kind: 'list',
      size: exactly(value.length),
      elem: { kind: typeof value[0] === 'string' ? 'string' : 'scalar', size: exactly(longest) },
    };
  }
  return { kind: 'scalar', size: exactly(1) };
}
